export { type Batch, defaultCollate } from './collate.js';
export { ConcatDataset } from './concatDataset.js';
export { DataLoader, type DataLoaderOptions } from './dataLoader.js';
export { Dataset } from './dataset.js';
export { ImageDataset, type ImageDatasetOptions, type ImageTransform } from './imageDataset.js';
export type { Sampler } from './sampler.js';
export { randomSplit, Subset } from './subset.js';
export { type Rows, TensorDataset } from './tensorDataset.js';
