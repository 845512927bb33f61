/** Labelled images in memory. */

import { tensor } from '../creation.js';
import { ArgumentError, IndexError } from '../errors.js';
import { checkOptions } from '../options.js';
import { describe, formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Transform } from '../transforms/transform.js';
import { typedArrayName } from '../typedArray.js';
import { checkIndex, Dataset, inMemory } from './dataset.js';
import { type InMemory, imageField } from './gather.js';

/** Turns an image, a uint8 tensor, into what a net takes: one of `transforms`, or any function. */
export type ImageTransform = Transform<Tensor, Tensor>;

const optionNames = ['images', 'itemShape', 'labels', 'classes', 'transform', 'targetTransform'];

/** What an {@link ImageDataset} is made of. */
export interface ImageDatasetOptions {
  /**
   * All images, one after the other: uint8 of shape `[n, ...itemShape]`. Kept, not copied: batches may look them up
   * again as long as they are in use.
   */
  readonly images: Uint8Array;
  /** The shape of one image, for instance `[28, 28]`. */
  readonly itemShape: readonly number[];
  /** The class of each image. Kept, not copied. */
  readonly labels: Int32Array;
  /** The names of the classes; labels are indices into it. */
  readonly classes?: readonly string[];
  /** Turns the uint8 tensor of one image, of shape `itemShape`, into what `get` gives. */
  readonly transform?: ImageTransform;
  /** Turns a label into what `get` gives. */
  readonly targetTransform?: (label: number) => number;
}

/**
 * A dataset of labelled images that stay uint8 in memory until a batch is made: the training set of MNIST takes 47 MB
 * instead of 188 MB. `get(i)` gives `[image, label]`.
 */
export class ImageDataset extends Dataset<[Tensor, number]> {
  /** Shape `[length, ...itemShape]`. */
  readonly images: Uint8Array;
  readonly itemShape: readonly number[];
  /** Shape `[length]`. */
  readonly labels: Int32Array;
  /** The names of the classes; empty where they have none. */
  readonly classes: readonly string[];
  readonly transform: ImageTransform | undefined;
  readonly targetTransform: ((label: number) => number) | undefined;
  /** Bytes of one image. */
  private readonly stride: number;

  /**
   * @throws ArgumentError where images and labels do not fit each other or the shape.
   * @throws IndexError where a label is not the index of a class.
   */
  constructor(options: ImageDatasetOptions) {
    super();
    checkOptions('ImageDataset', options, optionNames);
    const { images, itemShape, labels, classes = [], transform, targetTransform } = options ?? {};
    const types = [typedArrayName(images), typedArrayName(labels)];
    if (types.join() !== 'Uint8Array,Int32Array' || !Array.isArray(itemShape)) {
      throw new ArgumentError(
        'ImageDataset: expected images (Uint8Array), itemShape (array) and labels (Int32Array), ' +
          `got ${describe(images)}, ${describe(itemShape)} and ${describe(labels)}`,
      );
    }
    for (const [name, fn] of Object.entries({ transform, targetTransform })) {
      if (fn !== undefined && typeof fn !== 'function') {
        throw new ArgumentError(`ImageDataset: ${name} must be a function, got ${describe(fn)}`);
      }
    }
    const stride = itemShape.reduce((product, n) => product * n, 1);
    if (!itemShape.every((n) => Number.isInteger(n) && n > 0)) {
      throw new ArgumentError(
        `ImageDataset: itemShape must be positive integers, got ${formatShape(itemShape)}`,
      );
    }
    if (images.length !== labels.length * stride) {
      throw new ArgumentError(
        `ImageDataset: ${labels.length} labels need ${labels.length * stride} bytes of images of shape ` +
          `${formatShape(itemShape)}, got ${images.length}`,
      );
    }
    if (classes.length > 0) {
      const bad = labels.findIndex((label) => label < 0 || label >= classes.length);
      if (bad >= 0) {
        throw new IndexError(
          `ImageDataset: label ${labels[bad]} of image ${bad} is not one of the ${classes.length} classes, 0 to ${classes.length - 1}`,
        );
      }
    }
    this.images = images;
    this.itemShape = Object.freeze([...itemShape]);
    this.labels = labels;
    this.classes = classes;
    this.transform = transform;
    this.targetTransform = targetTransform;
    this.stride = stride;
  }

  /** The number of images. */
  get length(): number {
    return this.labels.length;
  }

  /**
   * Image and label number `index`: the image as the transform gives it, without one uint8 of shape `itemShape`.
   * @throws IndexError where there is no such image.
   */
  get(index: number): [Tensor, number] {
    checkIndex(index, this.length, 'ImageDataset');
    const label = this.labels[index] as number;
    const bytes = this.images.subarray(index * this.stride, (index + 1) * this.stride);
    const image = tensor(bytes, { shape: this.itemShape, dtype: 'uint8' });
    return [
      this.transform ? this.transform(image) : image,
      this.targetTransform ? this.targetTransform(label) : label,
    ];
  }

  /** @internal */
  [inMemory](): InMemory | undefined {
    const { images, itemShape, labels, transform, targetTransform } = this;
    if (targetTransform || (transform && !transform.affine)) return undefined;
    const field = transform?.affine
      ? imageField(images, itemShape, transform.affine)
      : ({ rows: images, dtype: 'uint8', shape: itemShape } as const);
    return field && { fields: [field, { rows: labels, dtype: 'int32', shape: [] }] };
  }
}
