/** The images that all peers train on, as plain files that each of them can read. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { datasets } from 'ferrograd';
import { root, say } from '../scripts/command.js';
import type { Data } from './suites/training.js';

/** MNIST where it is at hand (`FERROGRAD_DATA`, ./data or ../shared/data/mnist), else generated digits. */
async function digits(): Promise<datasets.ImageDataset> {
  const places = [process.env.FERROGRAD_DATA, `${root}data`, `${root}../shared/data/mnist`];
  for (const place of places) {
    if (place && existsSync(place)) return datasets.MNIST({ root: place, train: true });
  }
  say('no MNIST here: training on generated digits');
  return datasets.syntheticDigits({ train: true });
}

/** Bytes of the images and int32 of the labels, without headers. */
export async function writeDigits(folder: string): Promise<Data> {
  const { images, labels } = await digits();
  const data = { images: join(folder, 'images'), labels: join(folder, 'labels'), count: labels.length };
  writeFileSync(data.images, images);
  writeFileSync(data.labels, labels);
  return data;
}
