/** How good a model is: `import { metrics } from 'ferrograd'`. */
export { accuracy } from './accuracy.js';
export type { Metric, Score } from './metric.js';
