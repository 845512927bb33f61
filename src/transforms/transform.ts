/** What a transform is. */

/**
 * What a transform computes for each element x of channel c, in float32 and in this order: x / `divide`, less
 * `mean[c]`, divided by `std[c]`; without a step that is absent. One mean, or std, is that of all channels.
 */
export interface Affine {
  readonly divide?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

/**
 * A function from what a dataset holds to what a net takes. Any function will do; those of the library that
 * say what they compute, in `affine`, are computed natively, a whole batch at once, with the same bits.
 */
export type Transform<A = unknown, B = unknown> = ((x: A) => B) & { readonly affine?: Affine };
