/** Initial values, PyTorch's formulas: `nn.init`. All write in place, outside of what backward sees. */
import { noGrad } from '../autograd.js';
import { ArgumentError, DtypeError, fromNative, ShapeError, StateError } from '../errors.js';
import { native } from '../native.js';
import { checkChoice, checkNumber, checkOptions } from '../options.js';
import { defaultGenerator, Generator } from '../random.js';
import { describe, formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';

/** What to draw from instead of the default generator. */
export interface RandomSource {
  generator?: Generator;
}

/** Which side of a weight keeps its variance: that of what comes in, or of the gradients that come back. */
export type FanMode = 'fanIn' | 'fanOut';

/** The function that follows a layer. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu';

const nonlinearities: readonly Nonlinearity[] = ['linear', 'sigmoid', 'tanh', 'relu', 'leakyRelu', 'selu'];

/** How to scale weights before a rectifier. */
export interface KaimingOptions extends RandomSource {
  /** The negative slope of `leakyRelu`. */
  a?: number;
  mode?: FanMode;
  nonlinearity?: Nonlinearity;
}

/** How to scale weights. */
export interface XavierOptions extends RandomSource {
  gain?: number;
}

function expectTensor(what: string, tensor: unknown): asserts tensor is Tensor {
  if (!(tensor instanceof Tensor))
    throw new ArgumentError(`${what}: expected a tensor, got ${describe(tensor)}`);
}

type Fill = (array: Float32Array, seed: number, stream: number) => void;

function draw<T extends Tensor>(
  what: string,
  tensor: T,
  { generator = defaultGenerator }: RandomSource,
  fill: Fill,
): T {
  expectTensor(what, tensor);
  if (!(generator instanceof Generator)) {
    throw new ArgumentError(`${what}: expected a Generator, got ${describe(generator)}`);
  }
  if (tensor.dtype !== 'float32')
    throw new DtypeError(`${what}: expected a float32 tensor, got ${tensor.dtype}`);
  if (!tensor.isContiguous()) {
    throw new StateError(
      `${what}: this view of shape ${formatShape(tensor.shape)} is strided and cannot be written`,
    );
  }
  const array = tensor.elements as Float32Array;
  try {
    fill(array, generator.seed, generator.next());
  } catch (error) {
    throw fromNative(error);
  }
  tensor.storage.version++;
  return tensor;
}

/** Uniform in [a, b). */
export function uniform_<T extends Tensor>(tensor: T, a = 0, b = 1, options: RandomSource = {}): T {
  checkOptions('uniform_', options, ['generator']);
  checkNumber('uniform_', 'a', a);
  checkNumber('uniform_', 'b', b, a);
  return draw('uniform_', tensor, options, (array, seed, stream) =>
    native.fillUniform(array, seed, stream, a, b),
  );
}

/** Normal with this mean and standard deviation. */
export function normal_<T extends Tensor>(tensor: T, mean = 0, std = 1, options: RandomSource = {}): T {
  checkOptions('normal_', options, ['generator']);
  checkNumber('normal_', 'mean', mean);
  checkNumber('normal_', 'std', std, 0);
  return draw('normal_', tensor, options, (array, seed, stream) =>
    native.fillNormal(array, seed, stream, mean, std),
  );
}

/** Every element is `value`. */
export function constant_<T extends Tensor>(tensor: T, value: number): T {
  expectTensor('constant_', tensor);
  return noGrad(() => tensor.fill_(value));
}

/** Every element is 0. */
export function zeros_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 0);
}

/** Every element is 1. */
export function ones_<T extends Tensor>(tensor: T): T {
  return constant_(tensor, 1);
}

/** The factor by which a nonlinearity makes the standard deviation of its input smaller: 5/3 for tanh, √2 for relu. */
export function calculateGain(nonlinearity: Nonlinearity, a = 0.01): number {
  checkChoice('calculateGain', 'nonlinearity', nonlinearity, nonlinearities);
  checkNumber('calculateGain', 'a', a);
  switch (nonlinearity) {
    case 'tanh':
      return 5 / 3;
    case 'relu':
      return Math.SQRT2;
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + a ** 2));
    case 'selu':
      return 3 / 4;
    default:
      return 1;
  }
}

/** How many numbers each output is made of, and each input goes into: a weight is [out, in, ...receptive field]. */
function fans(what: string, tensor: Tensor): { fanIn: number; fanOut: number } {
  expectTensor(what, tensor);
  const [outputs, inputs, ...field] = tensor.shape;
  if (outputs === undefined || inputs === undefined) {
    throw new ShapeError(
      `${what}: expected a weight of two or more dimensions, got ${formatShape(tensor.shape)}`,
    );
  }
  const area = field.reduce((a, b) => a * b, 1);
  return { fanIn: inputs * area, fanOut: outputs * area };
}

function kaimingStd(what: string, tensor: Tensor, options: KaimingOptions): number {
  checkOptions(what, options, ['a', 'mode', 'nonlinearity', 'generator']);
  const { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' } = options;
  checkChoice(what, 'mode', mode, ['fanIn', 'fanOut']);
  return calculateGain(nonlinearity, a) / Math.sqrt(Math.max(1, fans(what, tensor)[mode]));
}

/**
 * Uniform within ±gain·√(3 / fan): He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
 *
 * @throws ShapeError if the weight has fewer than two dimensions.
 */
export function kaimingUniform_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options);
  return uniform_(tensor, -bound, bound, source(options));
}

/** As {@link kaimingUniform_}, normal with standard deviation gain / √fan. */
export function kaimingNormal_<T extends Tensor>(tensor: T, options: KaimingOptions = {}): T {
  return normal_(tensor, 0, kaimingStd('kaimingNormal_', tensor, options), source(options));
}

function xavierStd(what: string, tensor: Tensor, options: XavierOptions): number {
  checkOptions(what, options, ['gain', 'generator']);
  const { gain = 1 } = options;
  checkNumber(what, 'gain', gain, 0);
  const { fanIn, fanOut } = fans(what, tensor);
  return gain * Math.sqrt(2 / Math.max(1, fanIn + fanOut));
}

/**
 * Uniform within ±gain·√(6 / (fanIn + fanOut)): Glorot and Bengio, "Understanding the difficulty of training deep
 * feedforward neural networks", 2010.
 *
 * @throws ShapeError if the weight has fewer than two dimensions.
 */
export function xavierUniform_<T extends Tensor>(tensor: T, options: XavierOptions = {}): T {
  const bound = Math.sqrt(3) * xavierStd('xavierUniform_', tensor, options);
  return uniform_(tensor, -bound, bound, source(options));
}

/** As {@link xavierUniform_}, normal with standard deviation gain·√(2 / (fanIn + fanOut)). */
export function xavierNormal_<T extends Tensor>(tensor: T, options: XavierOptions = {}): T {
  return normal_(tensor, 0, xavierStd('xavierNormal_', tensor, options), source(options));
}

function source({ generator }: RandomSource): RandomSource {
  return generator ? { generator } : {};
}
