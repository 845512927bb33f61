/** What all optimizers share: parameter groups, their state, and a step that changes all or nothing. */
import { tensor, zeros } from '../creation.js';
import { ArgumentError, fromNative, StateError } from '../errors.js';
import { native } from '../native.js';
import { Parameter } from '../nn/parameter.js';
import { checkBoolean, checkNumber, checkOptions } from '../options.js';
import { describe, formatShape } from '../shape.js';
import { IN_TRAINING, Tensor } from '../tensor.js';

/** What an option of an optimizer can be. */
export type Options<O> = { [K in keyof O]: number | boolean | readonly [number, number] };

/** Parameters with options of their own; what is left out is as for all. */
export type ParamGroupInit<O extends Options<O>> = { params: readonly Tensor[] } & Partial<O>;

/** What an optimizer is for: `model.parameters()`, or groups of them. */
export type Params<O extends Options<O>> = readonly Tensor[] | readonly ParamGroupInit<O>[];

/** Parameters and their options, which may be changed between steps. */
export type ParamGroup<O extends Options<O>> = { readonly params: readonly Tensor[] } & O;

/**
 * The state of an optimizer: what it remembers of each parameter, known by its place in all groups, and the groups
 * with such numbers in place of the parameters.
 */
export interface OptimizerState {
  state: Record<number, Record<string, Tensor>>;
  paramGroups: ({ params: number[] } & Record<string, unknown>)[];
}

/** What sets one optimizer apart from another. */
export interface Rule<O extends Options<O>> {
  /** For messages. */
  readonly name: string;
  /** The update rule of the native core. */
  readonly native: string;
  readonly defaults: O;
  /** The names of what it remembers of each parameter, in the order of the native rule. */
  buffers(options: O): readonly string[];
}

/** What is remembered of a parameter. */
interface Memory {
  /** How many updates it has had. */
  steps: number;
  readonly buffers: readonly Tensor[];
}

/** A native call: what it reads and writes. */
interface Update {
  readonly options: string;
  readonly updated: Tensor[];
  readonly memories: (Memory | undefined)[];
  readonly params: Float32Array[];
  readonly grads: Float32Array[];
  /** Those of the first parameter, then of the second, … */
  readonly buffers: Float32Array[];
}

/** @internal What an optimizer remembers of parameters, while a session trains them. */
export interface Loan {
  /** Those of the first parameter, then of the second, … */
  readonly buffers: readonly Float32Array[];
  /** Updates of each parameter. */
  readonly steps: Int32Array;
  /** To be called when the session has written to both. */
  returned(): void;
}

/** The base class of all optimizers. */
export abstract class Optimizer<O extends Options<O>> {
  /** The groups, one where the constructor was given parameters alone. Options may be changed between steps. */
  readonly paramGroups: ParamGroup<O>[];
  readonly #rule: Rule<O>;
  readonly #memories = new Map<Tensor, Memory>();
  /** The options of each group as they last were, and their encoding. */
  readonly #encoded = new WeakMap<ParamGroup<O>, { options: O; text: string }>();

  constructor(rule: Rule<O>, params: Params<O>, options: Partial<O>) {
    this.#rule = rule;
    const names = Object.keys(rule.defaults);
    checkOptions(rule.name, options, names);
    this.paramGroups = groupsOf(rule.name, params).map(({ params, own }) => {
      checkOptions(rule.name, own, names);
      return { params, ...rule.defaults, ...given(options), ...given(own) } as ParamGroup<O>;
    });
    checkParams(
      rule.name,
      this.paramGroups.map((group) => group.params),
    );
    for (const group of this.paramGroups) this.#check(group);
  }

  /** Sets the gradients of all parameters to null: `backward` adds to what is there. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const param of params) param.grad = null;
  }

  /**
   * Changes each parameter by its gradient; one that has none is left as it is.
   *
   * @throws ArgumentError if the options of a group make no sense by now, StateError if a buffer was detached; nothing
   * has changed then.
   */
  step(): void {
    this.#expectFree('step');
    if (this.paramGroups.length > 1) for (const group of this.paramGroups) this.#check(group);
    const updates = this.paramGroups.map((group) => this.#prepare(group));
    for (const { options, updated, memories, params, grads, buffers } of updates) {
      const steps = new Int32Array(memories.map((memory) => memory?.steps ?? 0));
      this.#native(options, params, grads, buffers, steps);
      updated.forEach((param, i) => {
        param.storage.version++;
        const memory = memories[i];
        if (!memory) return;
        memory.steps++;
        for (const { storage } of memory.buffers) storage.version++;
        this.#memories.set(param, memory);
      });
    }
  }

  /** What {@link loadStateDict} takes. The tensors share storage with the optimizer: `clone()` them to keep a state. */
  stateDict(): OptimizerState {
    const state: OptimizerState['state'] = {};
    let number = 0;
    const paramGroups = this.paramGroups.map(({ params, ...options }) => {
      const numbers = params.map((param) => {
        const memory = this.#memories.get(param);
        if (memory) state[number] = this.#remembered(options as unknown as O, memory);
        return number++;
      });
      return { params: numbers, ...options };
    });
    return { state, paramGroups };
  }

  /**
   * Takes over the options of all groups and what is remembered of their parameters; values are copied.
   *
   * @throws StateError if the groups or shapes are others; nothing has changed then.
   */
  loadStateDict(stateDict: OptimizerState): void {
    this.#expectFree('loadStateDict');
    const { name, defaults } = this.#rule;
    const fail = (problem: string) => new StateError(`${name}.loadStateDict: ${problem}; nothing was loaded`);
    const { state, paramGroups } = stateDict ?? {};
    if (typeof state !== 'object' || state === null || !Array.isArray(paramGroups)) {
      throw new ArgumentError(
        `${name}.loadStateDict: expected { state, paramGroups }, got ${describe(stateDict)}`,
      );
    }
    if (paramGroups.length !== this.paramGroups.length) {
      throw fail(`expected ${this.paramGroups.length} parameter groups, got ${paramGroups.length}`);
    }
    const memories: [Tensor, Memory][] = [];
    const groups = this.paramGroups.map((group, i) => {
      const { params: numbers, ...options } = paramGroups[i] as OptimizerState['paramGroups'][number];
      if (!Array.isArray(numbers) || numbers.length !== group.params.length) {
        throw fail(`expected ${group.params.length} parameters in group ${i}, got ${describe(numbers)}`);
      }
      checkOptions(name, options, Object.keys(defaults));
      const loaded = { ...defaults, ...options, params: group.params } as unknown as ParamGroup<O>;
      this.#check(loaded);
      group.params.forEach((param, k) => {
        const remembered = state[numbers[k] as number];
        if (!remembered) return;
        memories.push([param, this.#recall(loaded, param, remembered, fail)]);
      });
      return loaded;
    });
    this.#memories.clear();
    for (const [param, memory] of memories) this.#memories.set(param, memory);
    groups.forEach((group, i) => {
      Object.assign(this.paramGroups[i] as object, group);
    });
  }

  /** @internal The rule and its groups, for a session in which parameters have the numbers of `numbers`. */
  encode(numbers: ReadonlyMap<Tensor, number>): string {
    const groups = this.paramGroups.map((group) => {
      const parameters = group.params.map((param) => numbers.get(param));
      return `{"options":${this.#encode(group)},"parameters":${JSON.stringify(parameters)}}`;
    });
    return `{"rule":"${this.#rule.native}","groups":[${groups}]}`;
  }

  /** @internal What is remembered of those of `params` that it updates, in their order, for a session to go on with. */
  lend(params: readonly Tensor[]): Loan {
    const groups = new Map(this.paramGroups.flatMap((group) => group.params.map((param) => [param, group])));
    const lent = params.flatMap((param) => {
      const group = groups.get(param);
      return group ? [[param, this.#memoryOf(param, this.#rule.buffers(group).length)] as const] : [];
    });
    const steps = Int32Array.from(lent, ([, memory]) => memory.steps);
    return {
      buffers: lent.flatMap(([, { buffers }]) => buffers.map(({ array }) => array as Float32Array)),
      steps,
      returned: () => {
        for (const [i, [param, memory]] of lent.entries()) {
          if (steps[i] === memory.steps) continue;
          memory.steps = steps[i] as number;
          for (const { storage } of memory.buffers) storage.version++;
          if (memory.buffers.length > 0) this.#memories.set(param, memory);
        }
      },
    };
  }

  #expectFree(what: string): void {
    const busy = this.paramGroups.some(({ params }) => params.some(({ storage }) => storage.inTraining));
    if (busy) throw new StateError(`${this.#rule.name}.${what}: a parameter is ${IN_TRAINING}`);
  }

  /** What is remembered of `param`, or the beginning of it. */
  #memoryOf(param: Tensor, buffers: number): Memory {
    const known = this.#memories.get(param);
    if (known?.buffers.length === buffers) return known;
    return { steps: 0, buffers: Array.from({ length: buffers }, () => zeros(param.shape)) };
  }

  #remembered(options: O, { steps, buffers }: Memory): Record<string, Tensor> {
    const names = this.#rule.buffers(options);
    const named = names.flatMap((name, i) => (buffers[i] ? [[name, buffers[i].detach()] as const] : []));
    return { step: tensor(steps, { dtype: 'int32' }), ...Object.fromEntries(named) };
  }

  #recall(
    options: O,
    param: Tensor,
    remembered: Record<string, Tensor>,
    fail: (problem: string) => Error,
  ): Memory {
    const take = (name: string, dtype: string, shape: readonly number[]): Tensor => {
      const value = remembered[name];
      if (
        value instanceof Tensor &&
        value.dtype === dtype &&
        formatShape(value.shape) === formatShape(shape)
      ) {
        return value.clone();
      }
      const got = value instanceof Tensor ? `${value.dtype} ${formatShape(value.shape)}` : describe(value);
      throw fail(`expected ${name} as ${dtype} ${formatShape(shape)}, got ${got}`);
    };
    const steps = take('step', 'int32', []).item();
    return { steps, buffers: this.#rule.buffers(options).map((name) => take(name, 'float32', param.shape)) };
  }

  /** Refuses options that make no sense: a step of no parameters. */
  #check(group: ParamGroup<O>): void {
    this.#native(this.#encode(group), [], [], [], new Int32Array(0));
  }

  #encode(group: ParamGroup<O>): string {
    const { name, defaults } = this.#rule;
    const known = this.#encoded.get(group);
    if (
      known &&
      Object.keys(defaults).every((key) => isSame(group[key as keyof O], known.options[key as keyof O]))
    )
      return known.text;
    const options: Record<string, unknown> = {};
    for (const [key, preset] of Object.entries(defaults)) {
      const value = group[key as keyof O];
      if (typeof preset === 'boolean') checkBoolean(name, key, value);
      else if (Array.isArray(preset)) checkPair(name, key, value);
      else checkNumber(name, key, value);
      options[key] = Array.isArray(value) ? [...value] : value; // whose elements may be changed, too
    }
    const text = JSON.stringify(options);
    this.#encoded.set(group, { options: options as O, text });
    return text;
  }

  #prepare(group: ParamGroup<O>): Update {
    const update: Update = {
      options: this.#encode(group),
      updated: [],
      memories: [],
      params: [],
      grads: [],
      buffers: [],
    };
    const buffers = this.#rule.buffers(group).length;
    for (const param of group.params) {
      if (!param.hasGrad) continue;
      update.updated.push(param);
      update.params.push(param.elements as Float32Array);
      update.grads.push(param.gradBuffer());
      if (buffers === 0) {
        update.memories.push(undefined);
        continue;
      }
      const memory = this.#memoryOf(param, buffers);
      update.memories.push(memory);
      for (const buffer of memory.buffers) update.buffers.push(buffer.array as Float32Array);
    }
    return update;
  }

  #native(
    options: string,
    params: Float32Array[],
    grads: Float32Array[],
    buffers: Float32Array[],
    steps: Int32Array,
  ): void {
    try {
      native.optimizerStep(this.#rule.native, options, params, grads, buffers, steps);
    } catch (error) {
      throw fromNative(error);
    }
  }
}

/** Whether an option has the value that it had. */
function isSame(value: unknown, former: unknown): boolean {
  return Array.isArray(former)
    ? Array.isArray(value) && value.length === former.length && former.every((one, i) => one === value[i])
    : value === former;
}

/** Options that were given: `{ lr: undefined }` gives none. */
function given(options: object): object {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function checkPair(what: string, name: string, value: unknown): void {
  if (!Array.isArray(value) || value.length !== 2) {
    throw new ArgumentError(`${what}: ${name} must be two numbers, got ${describe(value)}`);
  }
  for (const [i, number] of value.entries()) checkNumber(what, `${name}[${i}]`, number);
}

/** The groups as they were given: their parameters, and options of their own. */
function groupsOf(what: string, given: unknown): { params: readonly Tensor[]; own: object }[] {
  if (!Array.isArray(given)) {
    throw new ArgumentError(
      `${what}: expected an array of parameters such as model.parameters(), got ${describe(given)}`,
    );
  }
  const isGroup = (entry: unknown) => typeof entry === 'object' && entry !== null && 'params' in entry;
  if (given.length === 0 || !given.every(isGroup)) return [{ params: [...given], own: {} }];
  return given.map(({ params, ...own }) => {
    if (Array.isArray(params)) return { params: [...params], own };
    throw new ArgumentError(`${what}: expected an array as params of a group, got ${describe(params)}`);
  });
}

function checkParams(what: string, groups: readonly (readonly Tensor[])[]): void {
  const all = groups.flat();
  if (all.length === 0) {
    throw new ArgumentError(
      `${what}: the list of parameters is empty; are the layers fields of the model, and not private #fields?`,
    );
  }
  const seen = new Set<Tensor>();
  all.forEach((param, i) => {
    const fail = (problem: string) => new ArgumentError(`${what}: parameter ${i} ${problem}`);
    if (!(param instanceof Tensor)) throw fail(`is not a tensor but ${describe(param)}`);
    if (param.node) {
      throw fail(
        `is the result of ${param.node.call.op}: only leaves can be optimized, such as nn.Parameter`,
      );
    }
    if (!(param instanceof Parameter || param.requiresGrad)) {
      throw fail('is a tensor that requires no gradient: use nn.Parameter, or set requiresGrad');
    }
    if (param.dtype !== 'float32') throw fail(`is ${param.dtype}: only float32 can be optimized`);
    if (!param.isContiguous())
      throw fail(`is a strided view of shape ${formatShape(param.shape)}: use its clone()`);
    if (seen.has(param)) throw fail(`of shape ${formatShape(param.shape)} is in the list twice`);
    seen.add(param);
  });
}
