import { ImageDataset, type ImageTransform } from '../data/imageDataset.js';
import { ArgumentError, fromNative } from '../errors.js';
import { native } from '../native.js';
import { checkBoolean, checkOptions, checkSize } from '../options.js';
import { describe } from '../shape.js';

/** Options of {@link syntheticDigits}. */
export interface SyntheticDigitsOptions {
  /** The training set, or the test set, which shares no sample with it; true unless told. */
  readonly train?: boolean;
  /** A whole number; the same seed gives the same bytes everywhere. 0 unless told. */
  readonly seed?: number;
  /** How many digits; 60,000 for training and 10,000 for testing unless told. A shorter set starts like a longer one. */
  readonly length?: number;
  /** Turns the uint8 tensor of one image, of shape `[28, 28]`, into what `get` gives. */
  readonly transform?: ImageTransform;
  /** Turns a label into what `get` gives. */
  readonly targetTransform?: (label: number) => number;
}

const SIDE = 28;
const MAX_LENGTH = 2_000_000; // 1.6 GB
const CLASSES = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/** The number of the test set's first sample: no training set reaches it, and it starts a group of ten. */
const FIRST_TEST_SAMPLE = 2_000_000_000;

/**
 * Handwritten-looking digits drawn from a seed, for use where nothing can be downloaded: 28 × 28 bytes, white on black, of the ten
 * classes in equal numbers and random order, about as hard as MNIST.
 * @throws ArgumentError where seed or length make no sense, or for an option that does not exist.
 */
export function syntheticDigits(options: SyntheticDigitsOptions = {}): ImageDataset {
  const { train = true, seed = 0, length = train ? 60_000 : 10_000, transform, targetTransform } = options;
  checkOptions('syntheticDigits', options, ['train', 'seed', 'length', 'transform', 'targetTransform']);
  checkBoolean('syntheticDigits', 'train', train);
  checkSize('syntheticDigits', 'length', length);
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ArgumentError(
      `syntheticDigits: seed must be a whole number from 0 to 2⁵³ − 1, got ${describe(seed)}`,
    );
  }
  if (length > MAX_LENGTH) {
    throw new ArgumentError(`syntheticDigits: length must be at most ${MAX_LENGTH}, got ${length}`);
  }
  const images = new Uint8Array(length * SIDE * SIDE);
  const labels = new Int32Array(length);
  try {
    native.syntheticDigits(seed, train ? 0 : FIRST_TEST_SAMPLE, images, labels);
  } catch (error) {
    throw fromNative(error);
  }
  return new ImageDataset({
    images,
    itemShape: [SIDE, SIDE],
    labels,
    classes: CLASSES,
    transform,
    targetTransform,
  });
}
