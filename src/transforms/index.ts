/** Transforms: from what a dataset holds to what a net takes. */
export { compose, lambda } from './compose.js';
export { normalize } from './normalize.js';
export { toTensor } from './toTensor.js';
export type { Affine, Transform } from './transform.js';
