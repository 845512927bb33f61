/** Building blocks of neural networks: `import { nn } from 'ferrograd'`. */
export {
  GELU,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Tanh,
} from './activations.js';
export { ModuleList, Sequential } from './containers.js';
export { Dropout } from './dropout.js';
export * as init from './init.js';
export { Linear } from './linear.js';
export { CrossEntropyLoss, MSELoss, NLLLoss, type Reduction } from './losses.js';
export { Module } from './module.js';
export { Parameter } from './parameter.js';
export { Flatten, Identity } from './shapes.js';
export type { LoadResult, StateDict } from './stateDict.js';
export { type LayerSummary, type Summary, summary } from './summary.js';
