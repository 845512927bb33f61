/**
 * Shapes worked out by the compiler from literal dimensions. Where a size is not known the result has `number` there;
 * where the number of dimensions is not known it is a plain {@link Shape}. Nothing here exists at run time.
 */
import type { Shape } from './shape.js';

/** A shape whose number of dimensions is not known. */
type Unknown<S extends Shape> = number extends S['length'] ? true : false;

/** A shape as it is written: what `const` made readonly is not. */
export type Exactly<S extends Shape> = Unknown<S> extends true ? Shape : { -readonly [K in keyof S]: S[K] };

/** A list of sizes as a shape: `[-1, 784]` is `[number, 784]`. */
export type Sizes<D extends Shape> =
  Unknown<D> extends true ? Shape : { -readonly [K in keyof D]: D[K] extends -1 ? number : D[K] };

/** The size that two sizes give by broadcasting; never where they do not fit. */
type Wider<X extends number, Y extends number> = X extends 1
  ? Y
  : Y extends 1
    ? X
    : number extends X
      ? Y
      : number extends Y
        ? X
        : X extends Y
          ? X
          : never;

/** `S` with more sizes at its end. */
type Append<S extends Shape, More extends number[]> = Unknown<S> extends true ? Shape : [...S, ...More];

/** What two shapes give by NumPy's broadcasting. */
export type Broadcast<A extends Shape, B extends Shape> = B extends readonly []
  ? A
  : A extends readonly []
    ? B
    : [A, B] extends [
          readonly [...infer OuterA extends number[], infer X extends number],
          readonly [...infer OuterB extends number[], infer Y extends number],
        ]
      ? [Wider<X, Y>] extends [never]
        ? Shape
        : Append<Broadcast<OuterA, OuterB>, [Wider<X, Y>]>
      : Shape;

/** The shape of a matrix product: vectors are rows on the left, columns on the right; outer dimensions broadcast. */
export type Product<A extends Shape, B extends Shape> = A extends readonly [number]
  ? B extends readonly [number]
    ? []
    : B extends readonly [...infer Outer extends number[], number, infer N extends number]
      ? [...Outer, N]
      : Shape
  : A extends readonly [...infer OuterA extends number[], infer M extends number, number]
    ? B extends readonly [number]
      ? [...OuterA, M]
      : B extends readonly [...infer OuterB extends number[], number, infer N extends number]
        ? Append<Broadcast<OuterA, OuterB>, [M, N]>
        : Shape
    : Shape;

/** The last size. */
export type Last<S extends Shape> = S extends readonly [...number[], infer N extends number] ? N : number;

/** The shape with another last size. */
export type WithLast<S extends Shape, N extends number> = S extends readonly [
  ...infer Outer extends number[],
  number,
]
  ? [...Outer, N]
  : Shape;

/** Whether a size can be `N`: both are literal and equal, or one is not known. */
export type CanBe<X extends number, N extends number> = number extends X | N
  ? true
  : X extends N
    ? true
    : false;

/** `S`, if its last size can be `N`; else what it would have to be. */
export type EndingIn<S extends Shape, N extends number> = CanBe<Last<S>, N> extends true ? S : WithLast<S, N>;

/** `B`, if it can be multiplied by `A` from the left; else what it would have to be. */
export type Multiplicable<A extends Shape, B extends Shape> = B extends readonly [infer K extends number]
  ? CanBe<K, Last<A>> extends true
    ? B
    : [Last<A>]
  : B extends readonly [...infer Outer extends number[], infer K extends number, infer N extends number]
    ? CanBe<K, Last<A>> extends true
      ? B
      : [...Outer, Last<A>, N]
    : B;

/** Dimension `D` of `S` counted from the start, as text: -1 of `[2, 3]` is `'1'`. */
type At<S extends Shape, D extends number> = `${D}` extends `-${infer Back extends number}`
  ? FromEnd<S, Back>
  : `${D}`;

type FromEnd<S extends Shape, Back extends number, Seen extends 0[] = [0]> = S extends readonly [
  ...infer Outer extends number[],
  number,
]
  ? Back extends Seen['length']
    ? `${Outer['length']}`
    : FromEnd<Outer, Back, [...Seen, 0]>
  : never;

/** The shape with the sizes `By` in place of dimension `D`. */
export type Replaced<S extends Shape, D extends number, By extends number[]> = number extends D | S['length']
  ? Shape
  : ReplacedAt<S, At<S, D>, By>;

type ReplacedAt<
  S extends Shape,
  At extends string,
  By extends number[],
  Before extends number[] = [],
> = S extends readonly [infer Size extends number, ...infer After extends number[]]
  ? `${Before['length']}` extends At
    ? [...Before, ...By, ...After]
    : ReplacedAt<After, At, By, [...Before, Size]>
  : Shape;

/** The shape with a size 1 put in at `D`. */
export type Unsqueezed<S extends Shape, D extends number> = number extends D | S['length']
  ? Shape
  : D extends -1
    ? [...S, 1]
    : `${D}` extends `-${string}`
      ? Shape
      : UnsqueezedAt<S, D>;

type UnsqueezedAt<
  S extends Shape,
  D extends number,
  Before extends number[] = [],
> = Before['length'] extends D
  ? [...Before, 1, ...S]
  : S extends readonly [infer Size extends number, ...infer After extends number[]]
    ? UnsqueezedAt<After, D, [...Before, Size]>
    : Shape;

/** The shape after a reduction over `D`: all dimensions where undefined. */
export type Reduced<S extends Shape, D, Keep extends boolean> = [D] extends [undefined]
  ? Keep extends true
    ? Exactly<{ [K in keyof S]: 1 }>
    : []
  : D extends number
    ? Replaced<S, D, Keep extends true ? [1] : []>
    : Shape;

/** The shape with two dimensions exchanged. */
export type Transposed<S extends Shape, A extends number, B extends number> = number extends
  | A
  | B
  | S['length']
  ? Shape
  : Exactly<{
      [K in keyof S]: K extends At<S, A> ? SizeAt<S, B> : K extends At<S, B> ? SizeAt<S, A> : S[K];
    }>;

type SizeAt<S extends Shape, D extends number> =
  At<S, D> extends keyof S ? Extract<S[At<S, D>], number> : number;

/** The shape with its dimensions in the order `D`. */
export type Permuted<S extends Shape, D extends Shape> = number extends S['length'] | D['length']
  ? Shape
  : Exactly<{ [K in keyof D]: number extends D[K] ? number : SizeAt<S, D[K]> }>;

/** The transpose of a matrix. */
export type MatrixTransposed<S extends Shape> = S extends readonly [
  infer M extends number,
  infer N extends number,
]
  ? [N, M]
  : S;

/** Dimensions `Start` to `End`, both included, as one; products of sizes are not worked out. */
export type Flattened<S extends Shape, Start extends number, End extends number> = End extends -1
  ? Start extends 0
    ? S extends readonly [number]
      ? S
      : [number]
    : Start extends 1
      ? S extends readonly [infer First extends number, infer Second extends number]
        ? [First, Second]
        : S extends readonly [infer First extends number, number, ...number[]]
          ? [First, number]
          : Shape
      : Shape
  : Shape;
