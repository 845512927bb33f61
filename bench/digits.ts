/** The images that all peers work on, as plain files that each of them can read. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { datasets } from 'ferrograd';
import { root, say } from '../scripts/command.js';
import type { Data } from './case.js';

/** MNIST where it is at hand (`FERROGRAD_DATA`, ./data or ../shared/data/mnist), else generated digits. */
async function digits(train: boolean): Promise<datasets.ImageDataset> {
  const places = [process.env.FERROGRAD_DATA, `${root}data`, `${root}../shared/data/mnist`];
  for (const place of places) {
    if (place && existsSync(place)) return datasets.MNIST({ root: place, train });
  }
  say('no MNIST here: generated digits instead');
  return datasets.syntheticDigits({ train });
}

/** Bytes of the images and int32 of the labels, without headers. */
export interface Digits {
  train: Data;
  /** The same in black on white: next to no byte is 0. */
  inverted: Data;
  test: Data;
}

export async function writeDigits(folder: string): Promise<Digits> {
  const write = async (name: string): Promise<Data> => {
    const { images, labels } = await digits(name === 'train');
    const file = (part: string) => join(folder, `${name}-${part}`);
    const data = { images: file('images'), labels: file('labels'), count: labels.length };
    writeFileSync(data.images, images);
    writeFileSync(data.labels, labels);
    return data;
  };
  const train = await write('train');
  const inverted = { ...train, images: join(folder, 'train-inverted-images') };
  const images = readFileSync(train.images);
  writeFileSync(
    inverted.images,
    images.map((byte) => 255 - byte),
  );
  return { train, inverted, test: await write('test') };
}
