/** What a model is made of, as a table. */
import { noGrad } from '../autograd.js';
import { zeros } from '../creation.js';
import type { DType } from '../dtype.js';
import { ArgumentError } from '../errors.js';
import { checkOptions } from '../options.js';
import { describe, formatShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Module } from './module.js';

/** A line of a {@link Summary}. */
export interface LayerSummary {
  /** The path, such as `fc1`; empty for the model itself. */
  name: string;
  /** The class, such as `Linear`. */
  type: string;
  /** Of the last output that was a tensor; undefined for what `forward` did not come through. */
  outputShape: Shape | undefined;
  /** The number of the layer's own parameters, without those of inner modules. */
  parameters: number;
}

/** The layers of a model and its size; prints itself as a table. */
export class Summary {
  /** All parameters' elements; what is shared counts once. */
  readonly parameters: number;
  /** Those of parameters that require a gradient. */
  readonly trainableParameters: number;
  /** Memory of parameters and buffers. */
  readonly bytes: number;

  /** @internal */
  constructor(
    model: Module,
    readonly layers: readonly LayerSummary[],
  ) {
    const parameters = model.parameters();
    const sum = (tensors: readonly Tensor[]) => tensors.reduce((total, { size }) => total + size, 0);
    this.parameters = sum(parameters);
    this.trainableParameters = sum(parameters.filter(({ requiresGrad }) => requiresGrad));
    const bytesOf = ({ size, array }: Tensor) => size * array.BYTES_PER_ELEMENT;
    this.bytes = [...parameters, ...model.buffers()].reduce((total, tensor) => total + bytesOf(tensor), 0);
  }

  toString(): string {
    const rows = this.layers.map(({ name, type, outputShape, parameters }) => [
      name ? `${'  '.repeat(name.split('.').length)}${name} (${type})` : type,
      outputShape ? formatShape(outputShape) : '–',
      parameters.toLocaleString('en-US'),
    ]);
    const table = [['Layer', 'Output', 'Parameters'], ...rows];
    const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => (row[column] as string).length)));
    const line = (row: string[]) =>
      row
        .map((cell, i) => (i === 2 ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
        .join('  ');
    const rule = '─'.repeat(widths.reduce((a, b) => a + b) + 4);
    const frozen = this.parameters - this.trainableParameters;
    return [
      line(table[0] as string[]),
      rule,
      ...table.slice(1).map(line),
      rule,
      `Parameters: ${this.parameters.toLocaleString('en-US')}${frozen ? `, ${frozen.toLocaleString('en-US')} of them frozen` : ''}`,
      `Memory: ${formatBytes(this.bytes)}`,
    ].join('\n');
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
}

/**
 * Runs `model` once on zeros, in evaluation mode and without gradients, and says what came out of each layer.
 *
 * ```ts
 * console.log(nn.summary(model, [64, 1, 28, 28]));
 * ```
 *
 * @param inputShape the whole shape, with that of the batch.
 * @param options `dtype` of the input: float32 if left out.
 */
export function summary(model: Module, inputShape: Shape, options: { dtype?: DType } = {}): Summary {
  if (!(model instanceof Module))
    throw new ArgumentError(`summary: expected a module, got ${describe(model)}`);
  checkOptions('summary', options, ['dtype']);
  const input = zeros(inputShape, options.dtype ? { dtype: options.dtype } : {});
  const outputs = observe(model, () => noGrad(() => model.forward(input as never)));
  const layers = model.namedModules().map(([name, module]): LayerSummary => {
    const inner = new Set(module.children().flatMap((child) => child.parameters()));
    return {
      name,
      type: module.constructor.name,
      outputShape: outputs.get(module),
      parameters: module
        .parameters()
        .filter((parameter) => !inner.has(parameter))
        .reduce((total, { size }) => total + size, 0),
    };
  });
  return new Summary(model, layers);
}

/** Runs `fn` with the model in evaluation mode, and notes the shapes of its modules' outputs. */
function observe(model: Module, fn: () => unknown): Map<Module, Shape> {
  const shapes = new Map<Module, Shape>();
  const restore: (() => void)[] = [];
  try {
    for (const module of model.modules()) {
      const { training } = module;
      const own = Object.getOwnPropertyDescriptor(module, 'forward');
      const forward = module.forward as (...inputs: unknown[]) => unknown;
      restore.push(() => {
        module.training = training;
        if (own) Object.defineProperty(module, 'forward', own);
        else Reflect.deleteProperty(module, 'forward');
      });
      module.training = false;
      const observed = (...inputs: unknown[]): unknown => {
        const output = forward.apply(module, inputs);
        if (output instanceof Tensor) shapes.set(module, output.shape);
        return output;
      };
      Object.defineProperty(module, 'forward', { value: observed, configurable: true, writable: true });
    }
    fn();
  } finally {
    for (const undo of restore) undo();
  }
  return shapes;
}
