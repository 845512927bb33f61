/** Everything that `import … from 'ferrograd'` gives. */
import './native.js'; // first: where it cannot be loaded, it says why before anything else fails

export { noGrad } from './autograd.js';
export { type Backend, backend, getNumThreads, setNumThreads } from './backend.js';
export {
  arange,
  cat,
  eye,
  full,
  linspace,
  oneHot,
  ones,
  rand,
  randint,
  randn,
  stack,
  type TensorData,
  type TensorOptions,
  tensor,
  where,
  zeros,
} from './creation.js';
export {
  type Batch,
  ConcatDataset,
  DataLoader,
  type DataLoaderOptions,
  Dataset,
  defaultCollate,
  ImageDataset,
  type ImageDatasetOptions,
  type ImageTransform,
  type Rows,
  randomSplit,
  type Sampler,
  Subset,
  TensorDataset,
} from './data/index.js';
export * as datasets from './datasets/index.js';
export * as display from './display/index.js';
export type { DType, TypedArray } from './dtype.js';
export {
  ArgumentError,
  DataError,
  DtypeError,
  FerrogradError,
  FormatError,
  IndexError,
  NativeLoadError,
  ShapeError,
  StateError,
} from './errors.js';
export type { NestedArray } from './inspect.js';
export { load, loadMetadata, type SaveOptions, save } from './io/index.js';
export * as metrics from './metrics/index.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export { Generator, manualSeed } from './random.js';
export type { Shape } from './shape.js';
export { type Dims, type Extremes, Tensor, type TensorLike } from './tensor.js';
export {
  type Epoch,
  type EvaluateOptions,
  type ExplainOptions,
  evaluate,
  type History,
  type Loss,
  type Metrics,
  predict,
  predictSync,
  type Report,
  type Run,
  type TrainOptions,
  train,
} from './train/index.js';
export * as transforms from './transforms/index.js';
