export type { ImageDataset } from '../data/imageDataset.js';
export type { MNISTOptions } from './mnist.js';
export { FashionMNIST, MNIST } from './mnist.js';
export type { SyntheticDigitsOptions } from './syntheticDigits.js';
export { syntheticDigits } from './syntheticDigits.js';
