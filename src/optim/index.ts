/** Optimizers: `import { optim } from 'ferrograd'`. */
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { Optimizer, type OptimizerState, type ParamGroup, type ParamGroupInit } from './optimizer.js';
export { SGD, type SGDOptions } from './sgd.js';
