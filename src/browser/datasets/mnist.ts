/** MNIST's files cannot be read in browsers. */
import type { ImageDataset } from '../../data/imageDataset.js';
import type { MNISTOptions } from '../../datasets/mnist.js';
import { DataError } from '../../errors.js';

function unavailable(name: string): DataError {
  return new DataError(
    `${name}: there are no files in a browser, only in Node.js; fetch the images and make an ImageDataset of ` +
      'them, or take datasets.syntheticDigits',
  );
}

/** @throws DataError always */
export async function MNIST(_: MNISTOptions): Promise<ImageDataset> {
  throw unavailable('MNIST');
}

/** @throws DataError always */
export async function FashionMNIST(_: MNISTOptions): Promise<ImageDataset> {
  throw unavailable('FashionMNIST');
}
