/** Items made into a batch. */
import { stack } from '../creation.js';
import { allocate, type DType } from '../dtype.js';
import { ArgumentError, DataError, DtypeError, ShapeError } from '../errors.js';
import { describe, elementsOf, formatShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** A tensor of one more dimension, if the shape is known. */
type Stacked<S extends Shape> = number extends S['length'] ? Tensor : Tensor<[number, ...S]>;

/** What {@link defaultCollate} makes of items of type T: for `[Tensor, number]` it is `[Tensor, Tensor]`. */
export type Batch<T> = 0 extends 1 & T
  ? T // any
  : T extends Tensor
    ? Stacked<T['shape']>
    : T extends number | boolean
      ? Tensor
      : T extends string
        ? string[]
        : { -readonly [K in keyof T]: Batch<T[K]> };

const kindNames = {
  tensor: 'a tensor',
  number: 'a number',
  boolean: 'a boolean',
  string: 'a string',
  array: 'an array',
  object: 'a plain object',
  other: 'something else',
};

type Kind = keyof typeof kindNames;

function kindOf(value: unknown): Kind {
  if (value instanceof Tensor) return 'tensor';
  if (Array.isArray(value)) return 'array';
  const type = typeof value;
  if (type === 'number' || type === 'boolean' || type === 'string') return type;
  if (value === null || type !== 'object') return 'other';
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? 'object' : 'other';
}

/** The same place in each of the items of a batch. */
class Column {
  constructor(
    readonly values: readonly unknown[],
    private readonly indices: ArrayLike<number>,
    private readonly path: string,
  ) {}

  /** `item 7`, or `item 7 at [1].name`. */
  name(position: number): string {
    return `item ${this.indices[position]}${this.path && ` at ${this.path}`}`;
  }

  /** The first value that differs from value 0, as a sentence; undefined where all are alike. */
  difference<V>(property: (value: V) => string): string | undefined {
    const first = property(this.values[0] as V);
    const odd = this.values.findIndex((value) => property(value as V) !== first);
    if (odd < 0) return undefined;
    return `DataLoader: ${this.name(odd)} ${property(this.values[odd] as V)}, ${this.name(0)} ${first}`;
  }

  inner(key: string | number): Column {
    const values = this.values.map((value) => (value as Record<string | number, unknown>)[key]);
    const step = typeof key === 'number' ? `[${key}]` : `.${key}`;
    return new Column(values, this.indices, this.path + step);
  }
}

function collateTensors(column: Column): Tensor {
  const tensors = column.values as readonly Tensor[];
  const shapes = column.difference((tensor: Tensor) => `has shape ${formatShape(tensor.shape)}`);
  if (shapes) throw new ShapeError(`${shapes}; to be stacked, the items of a batch must have one shape`);
  const dtypes = column.difference((tensor: Tensor) => `is ${tensor.dtype}`);
  if (dtypes) throw new DtypeError(`${dtypes}; to be stacked, the items of a batch must have one dtype`);
  if (tensors.some((tensor) => tensor.requiresGrad)) return stack(tensors);
  const { shape, dtype } = tensors[0] as Tensor;
  const size = elementsOf(shape);
  const array = allocate(dtype, tensors.length * size);
  for (const [i, { data }] of tensors.entries()) array.set(data, i * size);
  return new Tensor(array, dtype, Object.freeze([tensors.length, ...shape]));
}

function collateNumbers(values: readonly (number | boolean)[], dtype: DType): Tensor {
  const array = allocate(dtype, values.length);
  for (const [i, value] of values.entries()) array[i] = Number(value);
  return new Tensor(array, dtype, Object.freeze([values.length]));
}

function collate(column: Column): unknown {
  const { values } = column;
  const kinds = column.difference((value) => `is ${kindNames[kindOf(value)]}`);
  if (kinds) throw new DataError(`${kinds}; the items of a batch must be alike`);
  switch (kindOf(values[0])) {
    case 'tensor':
      return collateTensors(column);
    case 'number': {
      const integers = values.every((value) => ((value as number) | 0) === value);
      return collateNumbers(values as number[], integers ? 'int32' : 'float32');
    }
    case 'boolean':
      return collateNumbers(values as boolean[], 'bool');
    case 'string':
      return values;
    case 'array': {
      const lengths = column.difference((value: unknown[]) => `has ${value.length} parts`);
      if (lengths) throw new ShapeError(`${lengths}; the items of a batch must be alike`);
      return (values[0] as unknown[]).map((_, i) => collate(column.inner(i)));
    }
    case 'object': {
      const keys = column.difference(
        (value: object) => `has the keys ${Object.keys(value).sort().join(', ')}`,
      );
      if (keys) throw new DataError(`${keys}; the items of a batch must be alike`);
      return Object.fromEntries(
        Object.keys(values[0] as object).map((key) => [key, collate(column.inner(key))]),
      );
    }
    default:
      throw new ArgumentError(
        `DataLoader: ${column.name(0)} is ${describe(values[0])}; the items of a batch may be tensors, numbers, ` +
          'booleans, strings, and arrays or plain objects of these; for others give the option collate',
      );
  }
}

/**
 * How a `DataLoader` makes a batch of items, where it is not told otherwise.
 *
 * Tensors are stacked along a new first dimension. Numbers become an int32 tensor if all of them are whole
 * (labels), else a float32 one; booleans a bool tensor; strings stay an array. Arrays and plain objects are
 * taken apart: n items `[image, label]` become `[images, labels]`.
 *
 * @param items at least one, all alike.
 * @param indices their numbers in the dataset, for messages.
 * @throws ShapeError, DtypeError or DataError where an item differs from the others, and names it.
 */
export function defaultCollate<T>(items: readonly T[], indices?: ArrayLike<number>): Batch<T> {
  if (!Array.isArray(items) || items.length === 0) {
    throw new ArgumentError(`defaultCollate: expected an array of at least one item, got ${describe(items)}`);
  }
  return collate(new Column(items, indices ?? [...items.keys()], '')) as Batch<T>;
}
