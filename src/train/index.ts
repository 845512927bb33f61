/** Training, judging and using models off the event loop. */
export { type EvaluateOptions, evaluate, type Report } from './evaluate.js';
export { predict, predictSync } from './predict.js';
export type { Epoch, ExplainOptions, History, Run } from './run.js';
export type { Loss } from './task.js';
export { type Metrics, type TrainOptions, train } from './train.js';
