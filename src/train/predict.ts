/** `predict` and `predictSync`: the outputs of a model. */
import { noGrad } from '../autograd.js';
import type { Inference, Session } from '../binding.js';
import { allocate, type TypedArray } from '../dtype.js';
import { ArgumentError, fromNative } from '../errors.js';
import { native } from '../native.js';
import { nextTurn } from '../nextTurn.js';
import type { Module } from '../nn/module.js';
import type { Parameter } from '../nn/parameter.js';
import { describe, elementsOf, formatShape, type Shape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { tracing } from '../tracing.js';
import { checkModel } from './arguments.js';
import { fallBack } from './fallback.js';
import { Fields } from './fields.js';
import { copyOf, type Graph, isBatchOf, type TensorType } from './graph.js';
import { floatParameters, inEvaluation, rowMajor } from './task.js';
import { type Program, trace } from './trace.js';

/** How long a plan is trusted before the model is traced anew, in milliseconds; a trace takes some ten microseconds. */
const TRUSTED_MS = 100;
/** With more types of inputs than these, all plans are forgotten: somebody predicts batches of ever new sizes. */
const MOST_ENTRIES = 64;

/** What is known of inputs of one type. */
interface Entry {
  readonly inputs: readonly TensorType[];
  /** In words why there is no plan: to be read after "forward". */
  readonly traced: Graph | string;
  readonly shape: Shape;
  readonly elements: number;
  tracedAt: number;
  inference?: Inference;
  plan?: number;
}

/** After so many calls with the same parameters a plan keeps them, in the layout in which it is fastest. */
const KEPT_AFTER = 3;
/** Larger models are not kept twice: they take much longer than what that spares. */
const MOST_KEPT = 4 * 2 ** 20;

const NONE: readonly Float32Array[] = [];

/** The plans of a model. */
class Predictor {
  private parameters!: Parameter[];
  /** Where the parameters lie, and what that is made of. */
  private arrays!: Float32Array[];
  private storages!: TypedArray[];
  /** Elements of all parameters. */
  private size!: number;
  private fields!: Fields;
  private readonly entries = new Map<string, Entry>();
  private latest: Entry | undefined;
  private session: Session | undefined;
  /** The entry whose plan is used again and again, how often with the same parameters, and what tells them. */
  private keeper: Entry | undefined;
  private calls = 0;
  private versions = -1;
  private turn: Promise<unknown> = Promise.resolve();
  private warned = false;

  constructor(private readonly model: Module) {
    this.look();
  }

  now(inputs: readonly Tensor[]): Tensor {
    const entry = this.entry('predictSync', inputs);
    const { traced, shape } = entry;
    if (typeof traced === 'string') return this.eagerly('predictSync', inputs);
    try {
      entry.inference ??= native.compileInference(traced.program, traced.constants);
      const output = allocate('float32', entry.elements);
      const arrays =
        inputs.length === 1 ? [(inputs[0] as Tensor).elements] : inputs.map(({ elements }) => elements);
      entry.inference.run(arrays, this.keeps(entry, entry.inference) ? NONE : this.arrays, output);
      return new Tensor(output, 'float32', shape);
    } catch (error) {
      throw fromNative(error);
    }
  }

  async later(inputs: readonly Tensor[]): Promise<Tensor> {
    const entry = this.entry('predict', inputs);
    const { traced, shape } = entry;
    if (typeof traced === 'string') {
      await nextTurn();
      return this.eagerly('predict', inputs);
    }
    const given = inputs.map(copyOf); // its turn may come when they are others
    const { arrays } = this;
    this.session ??= native.createSession(Int32Array.from(arrays, ({ length }) => length));
    const { session } = this;
    const turn = this.turn.then(async () => {
      session.write(arrays, [], new Int32Array(0));
      entry.plan ??= session.compile(traced.program, traced.constants);
      return session.predict(entry.plan, given);
    });
    this.turn = turn.catch(() => {});
    try {
      return new Tensor(await turn, 'float32', shape);
    } catch (error) {
      throw fromNative(error);
    }
  }

  /** Whether the plan of an entry has kept the parameters of now. Nothing else changes them without being counted. */
  private keeps(entry: Entry, inference: Inference): boolean {
    if (this.size > MOST_KEPT) return false;
    let versions = 0; // Each only goes up, and so does their sum.
    for (const { storage } of this.parameters) {
      if (storage.isShown) return false;
      versions += storage.version;
    }
    if (entry !== this.keeper || versions !== this.versions) {
      if (this.calls > KEPT_AFTER) this.keeper?.inference?.keep(NONE);
      this.keeper = entry;
      this.versions = versions;
      this.calls = 0;
    }
    if (this.calls > KEPT_AFTER) return true;
    this.calls++;
    if (this.calls <= KEPT_AFTER) return false;
    inference.keep(this.arrays);
    return true;
  }

  /** The entry for these inputs, which is up to date. */
  private entry(what: string, inputs: readonly Tensor[]): Entry {
    if (!this.isSame()) this.forget();
    let entry = this.latest;
    if (!entry || !isBatchOf(entry.inputs, inputs)) {
      const key = inputs.map(({ dtype, shape }) => dtype + formatShape(shape)).join();
      entry = this.entries.get(key) ?? this.add(key, what, inputs);
    }
    if (this.isStale(what, entry)) {
      this.forget();
      return this.entry(what, inputs);
    }
    this.latest = entry;
    return entry;
  }

  /** Whether the model does not compute any longer what was traced. */
  private isStale(what: string, entry: Entry): boolean {
    const { traced } = entry;
    if (typeof traced === 'string') return false;
    if (!traced.areConstantsSame()) return true;
    if (performance.now() - entry.tracedAt < TRUSTED_MS) return false;
    const now = this.trace(what, entry.inputs);
    entry.tracedAt = performance.now();
    return typeof now === 'string' || traced.difference(now) !== undefined;
  }

  private add(key: string, what: string, inputs: readonly Tensor[]): Entry {
    const types = inputs.map(({ dtype, shape }) => ({ dtype, shape }));
    let traced = this.trace(what, types);
    if (typeof traced !== 'string') {
      const { output } = traced;
      if (output?.dtype !== 'float32') traced = 'gives other numbers than float32';
    }
    if (typeof traced === 'string' && !this.warned) {
      this.warned = true;
      fallBack(what, this.model, traced);
    }
    const shape = typeof traced === 'string' ? [] : (traced.output?.shape ?? []);
    const entry = {
      inputs: types,
      traced,
      shape,
      elements: elementsOf(shape),
      tracedAt: performance.now(),
    };
    if (this.entries.size >= MOST_ENTRIES) this.forget();
    this.entries.set(key, entry);
    return entry;
  }

  private trace(what: string, types: readonly TensorType[]): Graph | string {
    const { model, parameters } = this;
    const program: Program = {
      modules: [model],
      parameters,
      train: false,
      run: (inputs) => ({ output: noGrad(() => rowMajor(forward(what, model, inputs))) }),
    };
    return trace(program, types);
  }

  /** Whether the model is made of what it was made of, as far as a glance can tell. */
  private isSame(): boolean {
    const { parameters, storages } = this;
    for (let i = 0; i < parameters.length; i++) {
      if ((parameters[i] as Parameter).array !== storages[i]) return false;
    }
    return this.fields.areSame();
  }

  private forget(): void {
    this.entries.clear();
    this.latest = undefined;
    this.keeper = undefined;
    this.calls = 0;
    this.look();
    const { session } = this;
    this.session = undefined;
    this.turn = this.turn.then(() => session?.close());
  }

  private look(): void {
    this.parameters = floatParameters(this.model);
    this.arrays = this.parameters.map(({ elements }) => elements as Float32Array);
    this.storages = this.parameters.map(({ array }) => array);
    this.size = this.arrays.reduce((sum, { length }) => sum + length, 0);
    this.fields = new Fields([this.model]);
  }

  private eagerly(what: string, inputs: readonly Tensor[]): Tensor {
    return forward(what, this.model, inputs).detach();
  }
}

function forward(what: string, model: Module, inputs: readonly Tensor[]): Tensor {
  const output = noGrad(() => inEvaluation(model, () => model.forward(...(inputs as never[]))));
  if (output instanceof Tensor) return output;
  throw new ArgumentError(`${what}: expected a model that gives a tensor, got ${describe(output)}`);
}

const predictors = new WeakMap<Module, Predictor>();

function predictorOf(what: string, model: Module, inputs: readonly Tensor[]): Predictor {
  tracing.by?.refuse(`calls ${what}`);
  const known = predictors.get(model);
  if (!known) checkModel(what, model);
  for (const input of inputs) {
    if (!(input instanceof Tensor)) {
      throw new ArgumentError(`${what}: expected tensors as inputs, got ${describe(input)}`);
    }
  }
  if (known) return known;
  const predictor = new Predictor(model);
  predictors.set(model, predictor);
  return predictor;
}

/**
 * The output of a model for a batch, in evaluation mode, without gradients, and off the event loop.
 *
 * ```ts
 * const probabilities = (await predict(model, images)).softmax(-1);
 * ```
 *
 * @param inputs those of `model.forward`: batches, as in training.
 * @throws the errors of the model, as a rejection.
 */
export async function predict(model: Module, ...inputs: Tensor[]): Promise<Tensor> {
  return predictorOf('predict', model, inputs).later(inputs);
}

/**
 * As {@link predict}, on this thread: for nets so small that a promise costs more than they do.
 *
 * The plan is compiled in the first call for each type of inputs. A change of parameters counts at once, whether by
 * `copy_`, by an optimizer or in their `data`, as does one of the model's fields; what `forward` depends on besides is
 * looked at every 100 ms. It is fastest from the fourth call with the same parameters on, if nobody has their `data`.
 *
 * @throws the errors of the model.
 */
export function predictSync(model: Module, ...inputs: Tensor[]): Tensor {
  return predictorOf('predictSync', model, inputs).now(inputs);
}
