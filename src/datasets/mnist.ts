/** MNIST and the data sets that are distributed in its files. */

import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ImageDataset, type ImageTransform } from '../data/imageDataset.js';
import { ProgressBar } from '../display/progressBar.js';
import { ArgumentError, DataError, FormatError } from '../errors.js';
import { checkBoolean, checkOptions } from '../options.js';
import { describe } from '../shape.js';
import { download } from './download.js';
import { readIdx } from './idx.js';

/** Options of {@link MNIST} and {@link FashionMNIST}. */
export interface MNISTOptions {
  /**
   * The folder of the data: laid out as torchvision does (`root/MNIST/raw/…`) or with the files directly in it; gzipped
   * or not; named `train-images-idx3-ubyte` or `train-images.idx3-ubyte`.
   */
  readonly root: string;
  /** The 60,000 images for training, or the 10,000 for testing; true unless told. */
  readonly train?: boolean;
  /** Whether to download what is not in `root`; false unless told. */
  readonly download?: boolean;
  /** Turns the uint8 tensor of one image, of shape `[28, 28]`, into what `get` gives. */
  readonly transform?: ImageTransform;
  /** Turns a label into what `get` gives. */
  readonly targetTransform?: (label: number) => number;
  /** Stops the download. */
  readonly signal?: AbortSignal;
  /** URLs of folders that have the files, tried in this order, instead of the official ones. */
  readonly mirrors?: readonly string[];
}

/**
 * MNIST: handwritten digits, 28 × 28 (LeCun, Cortes, Burges).
 * @throws DataError where the files are not there and may not or cannot be downloaded, FormatError where they are
 *   damaged, ArgumentError for options that make no sense; the signal's reason where it is aborted.
 */
export function MNIST(options: MNISTOptions): Promise<ImageDataset> {
  return load(mnist, options);
}

/**
 * Fashion-MNIST: pieces of clothing, 28 × 28 (Xiao, Rasul, Vollgraf, arXiv:1708.07747). Its files have MNIST's names.
 * @throws The errors of {@link MNIST}.
 */
export function FashionMNIST(options: MNISTOptions): Promise<ImageDataset> {
  return load(fashionMnist, options);
}

/** A file of the distribution, gzipped. */
interface RemoteFile {
  readonly md5: string;
  readonly size: number;
}

interface Split {
  readonly images: RemoteFile;
  readonly labels: RemoteFile;
  /** The first labels: they tell the collections apart, whose files have the same names. */
  readonly firstLabels: readonly number[];
}

interface Collection {
  readonly name: string;
  readonly classes: readonly string[];
  readonly mirrors: readonly string[];
  readonly train: Split;
  readonly test: Split;
}

const mnist: Collection = {
  name: 'MNIST',
  classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
  ],
  train: {
    images: { md5: 'f68b3c2dcbeaaa9fbdd348bbdeb94873', size: 9_912_422 },
    labels: { md5: 'd53e105ee54ea40749a09fcbcd1e9432', size: 28_881 },
    firstLabels: [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
  },
  test: {
    images: { md5: '9fb629c4189551a2d022fa330f9573f3', size: 1_648_877 },
    labels: { md5: 'ec29112dd5afa0611ce80d1b7f02629c', size: 4_542 },
    firstLabels: [7, 2, 1, 0, 4, 1, 4, 9, 5, 9],
  },
};

const fashionMnist: Collection = {
  name: 'FashionMNIST',
  classes: [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
  mirrors: [
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
  ],
  train: {
    images: { md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d', size: 26_421_880 },
    labels: { md5: '25c81989df183df01b3e8a0aad5dffbe', size: 29_515 },
    firstLabels: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5],
  },
  test: {
    images: { md5: 'bef4ecab320f06d8554ea6380940ec79', size: 4_422_102 },
    labels: { md5: 'bb300cfdad3c16e7a12a480ee83cd310', size: 5_148 },
    firstLabels: [9, 2, 1, 1, 6, 1, 4, 6, 5, 7],
  },
};

const collections = [mnist, fashionMnist];
const SIDE = 28;
const optionNames = ['root', 'train', 'download', 'transform', 'targetTransform', 'signal', 'mirrors'];

async function load(collection: Collection, options: Partial<MNISTOptions> = {}): Promise<ImageDataset> {
  checkOptions(collection.name, options, optionNames);
  const { transform, targetTransform } = options;
  const [imagesPath, labelsPath] = await locate(collection, options);
  const images = await readIdx(imagesPath, { ndim: 3 });
  const labels = await readIdx(labelsPath, { ndim: 1 });
  const { classes } = collection;
  const [n, ...itemShape] = images.shape;
  if (!itemShape.every((side) => side === SIDE)) {
    throw new FormatError(
      `${imagesPath}: expected images of ${SIDE} × ${SIDE}, got ${itemShape.join(' × ')}`,
    );
  }
  if (n !== labels.data.length) {
    throw new FormatError(
      `${imagesPath} has ${n} images, ${labelsPath} has ${labels.data.length} labels: they do not belong together`,
    );
  }
  const bad = labels.data.findIndex((label) => label >= classes.length);
  if (bad >= 0) {
    throw new FormatError(
      `${labelsPath}: label ${labels.data[bad]} at ${bad} is not in 0..${classes.length - 1}`,
    );
  }
  refuseOther(collection, labels.data, labelsPath);
  return new ImageDataset({
    images: images.data,
    itemShape,
    labels: Int32Array.from(labels.data),
    classes,
    transform,
    targetTransform,
  });
}

/** Finds the files of images and labels, downloading what is missing if that is wanted. */
async function locate(collection: Collection, options: Partial<MNISTOptions>): Promise<[string, string]> {
  const { name: what } = collection;
  const { train = true, download: mayDownload = false, signal } = options;
  if (typeof options.root !== 'string' || options.root === '') {
    throw new ArgumentError(`${what}: root must be the path of a folder, got ${describe(options.root)}`);
  }
  checkBoolean(what, 'train', train);
  checkBoolean(what, 'download', mayDownload);
  const root = resolve(options.root);
  const mirrors = folders(collection, options);
  signal?.throwIfAborted();
  const raw = join(root, what, 'raw');
  const split = train ? collection.train : collection.test;
  const wanted = (['images', 'labels'] as const).map((content) => ({
    name: `${train ? 'train' : 't10k'}-${content}-idx${content === 'images' ? 3 : 1}-ubyte`,
    remote: split[content],
  }));
  // One after the other: where neither can be looked for, the error is always about the first.
  const found: (string | undefined)[] = [];
  for (const { name } of wanted) found.push(await find(name, [raw, root]));
  const missing = wanted.filter((_, i) => found[i] === undefined).map(({ name }) => name);
  if (missing.length > 0 && !mayDownload) {
    throw new DataError(
      `${what}: ${missing.join(' and ')} not found in ${raw} nor in ${root} (nor with .gz, nor as ` +
        `${dotted(missing[0] as string)}): put the files there, or pass download: true`,
    );
  }
  for (const [i, { name, remote }] of wanted.entries()) {
    found[i] ??= await fetchFile(`${name}.gz`, raw, remote, mirrors, signal);
  }
  return found as [string, string];
}

/** The first of the names that a file may have in the folders where it may be. */
async function find(name: string, places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    for (const form of [name, `${name}.gz`, dotted(name), `${dotted(name)}.gz`]) {
      const path = join(place, form);
      try {
        await stat(path);
        return path;
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'ENOTDIR') {
          throw new DataError(`${path}: cannot be looked for: ${message}`, { cause });
        }
      }
    }
  }
  return undefined;
}

/** The older spelling: `train-images.idx3-ubyte`. */
function dotted(name: string): string {
  return name.replace('-idx', '.idx');
}

async function fetchFile(
  file: string,
  folder: string,
  { md5, size }: RemoteFile,
  mirrors: readonly URL[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const path = join(folder, file);
  const urls = mirrors.map((mirror) => new URL(file, mirror));
  const bar = new ProgressBar({ label: file, total: size, unit: 'B' });
  try {
    await download({
      urls,
      path,
      md5,
      size,
      signal,
      progress: (received) => bar.update(received),
      notice(message) {
        bar.clear();
        process.emitWarning(message, 'DownloadWarning');
      },
    });
  } finally {
    bar.finish();
  }
  return path;
}

/** The mirrors as URLs of folders. */
function folders(collection: Collection, { mirrors = collection.mirrors }: Partial<MNISTOptions>): URL[] {
  if (mirrors.length === 0)
    throw new ArgumentError(`${collection.name}: mirrors is empty: leave it out for the official ones`);
  return mirrors.map((mirror) => {
    const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
      throw new ArgumentError(`${collection.name}: mirrors must be http or https URLs, got ${mirror}`);
    }
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    return url;
  });
}

/** In a flat folder the files of one collection look like those of another. */
function refuseOther(collection: Collection, labels: Uint8Array, path: string): void {
  const other = collections.find(
    (candidate) =>
      candidate !== collection &&
      [candidate.train, candidate.test].some(({ firstLabels }) =>
        firstLabels.every((label, i) => labels[i] === label),
      ),
  );
  if (other === undefined) return;
  throw new DataError(
    `${path}: these are the labels of ${other.name}, not of ${collection.name}: give each a root of its own`,
  );
}
