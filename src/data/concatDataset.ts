/** Datasets one after another. */
import { ArgumentError } from '../errors.js';
import { checkIndex, Dataset, lengthOf } from './dataset.js';

/** The items of several datasets, one dataset after another. */
export class ConcatDataset<T> extends Dataset<T> {
  readonly datasets: readonly Dataset<T>[];

  /** @throws ArgumentError for what is not a dataset, or none at all. */
  constructor(datasets: readonly Dataset<T>[]) {
    super();
    if (!Array.isArray(datasets) || datasets.length === 0) {
      throw new ArgumentError('ConcatDataset: expected an array of at least one dataset');
    }
    for (const dataset of datasets) lengthOf(dataset, 'ConcatDataset');
    this.datasets = [...datasets];
  }

  get length(): number {
    return this.datasets.reduce((sum, { length }) => sum + length, 0);
  }

  /** @throws IndexError */
  get(index: number): T | Promise<T> {
    checkIndex(index, this.length, 'ConcatDataset');
    let part = 0;
    let within = index;
    for (; within >= this.part(part).length; part++) within -= this.part(part).length;
    return this.part(part).get(within);
  }

  private part(number: number): Dataset<T> {
    return this.datasets[number] as Dataset<T>;
  }
}
