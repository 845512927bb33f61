/** The building block of models. */
import { ArgumentError, ShapeError } from '../errors.js';
import { checkBoolean, checkOptions } from '../options.js';
import { describe, formatShape } from '../shape.js';
import { Tensor } from '../tensor.js';
import { Parameter } from './parameter.js';
import { type LoadResult, loadInto, type StateDict, type Target } from './stateDict.js';

/** A buffer's name within its module, and whether it is part of the state dict. */
type Buffers = Map<string, { persistent: boolean }>;

const registered = new WeakMap<Module, Buffers>();
const paths = new WeakMap<Module, string>();

/**
 * The base class of all models and layers.
 *
 * Parameters and modules are found by themselves in the fields of a module, and in arrays and plain objects there, in
 * the order in which the fields were made: `this.fc1` has the parameters `fc1.weight` and `fc1.bias`, an array
 * `layers` has `layers.0.weight`. Private `#fields` cannot be found. A plain tensor in a field is a constant:
 * {@link Parameter} makes one that is learned, {@link registerBuffer} one that is saved. What is reached in several
 * ways counts once.
 *
 * ```ts
 * class Net extends nn.Module {
 *   fc1 = new nn.Linear(784, 128);
 *   fc2 = new nn.Linear(128, 10);
 *   forward(x: Tensor): Tensor {
 *     return this.fc2.forward(this.fc1.forward(x).relu());
 *   }
 * }
 * ```
 */
export abstract class Module {
  /** Whether layers such as {@link Dropout} act as they do in training; see {@link train} and {@link eval}. */
  training = true;

  /** Computes the outputs. */
  abstract forward(...inputs: never[]): unknown;

  // ---- what it is made of

  /** All parameters, those of inner modules too: what an optimizer takes. */
  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** All parameters with their names, such as `fc1.weight`. */
  namedParameters(): [name: string, parameter: Parameter][] {
    const { modules } = walk(this);
    return modules.flatMap(({ name, parameters }) =>
      parameters.map(([field, parameter]): [string, Parameter] => [join(name, field), parameter]),
    );
  }

  /** The modules in this one's fields. */
  children(): Module[] {
    return this.namedChildren().map(([, module]) => module);
  }

  /** As {@link children}, with their names. */
  namedChildren(): [name: string, module: Module][] {
    const seen = new Set<unknown>();
    return members(this).filter((member): member is [string, Module] => {
      const [, value] = member;
      return value instanceof Module && !seen.has(value) && seen.add(value) !== undefined;
    });
  }

  /** This module and all inner ones, outer before inner. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** As {@link modules}, with their paths; that of this module itself is empty. */
  namedModules(): [name: string, module: Module][] {
    return walk(this).modules.map(({ name, module }) => [name, module]);
  }

  /** All buffers, those of inner modules too. */
  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** As {@link buffers}, with their names. */
  namedBuffers(): [name: string, buffer: Tensor][] {
    return walk(this).modules.flatMap(({ name, module }) =>
      ownBuffers(module).map(([field, buffer]): [string, Tensor] => [join(name, field), buffer]),
    );
  }

  /**
   * Makes `tensor` the field `name`, a part of the module's state that is not learned, such as a running mean.
   *
   * ```ts
   * runningMean = this.registerBuffer('runningMean', zeros([10]));
   * ```
   *
   * @param options `persistent: false` leaves it out of the state dict.
   * @throws ArgumentError if the name is taken, empty or has a dot.
   */
  registerBuffer<T extends Tensor>(name: string, tensor: T, options: { persistent?: boolean } = {}): T {
    checkOptions('registerBuffer', options, ['persistent']);
    const { persistent = true } = options;
    checkBoolean('registerBuffer', 'persistent', persistent);
    const what = `registerBuffer: ${describe(name)}`;
    if (typeof name !== 'string' || name === '' || name.includes('.')) {
      throw new ArgumentError(`${what} cannot be the name of a buffer: expected text without dots`);
    }
    const taken = (this as Record<string, unknown>)[name];
    if (taken !== undefined && taken !== null)
      throw new ArgumentError(`${what} is the name of something else in ${this.constructor.name}`);
    if (!(tensor instanceof Tensor))
      throw new ArgumentError(`${what}: expected a tensor, got ${describe(tensor)}`);
    const buffers = registered.get(this) ?? new Map();
    registered.set(this, buffers.set(name, { persistent }));
    Object.assign(this, { [name]: tensor });
    return tensor;
  }

  // ---- how it behaves

  /** Puts this module and all inner ones into training mode, or out of it. */
  train(mode = true): this {
    checkBoolean('train', 'mode', mode);
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  /** Puts this module and all inner ones into evaluation mode: `train(false)`. */
  eval(): this {
    return this.train(false);
  }

  /** Says for all parameters whether gradients are computed for them: `false` freezes them. */
  requiresGrad_(requiresGrad = true): this {
    checkBoolean('requiresGrad_', 'requiresGrad', requiresGrad);
    for (const parameter of this.parameters()) parameter.requiresGrad = requiresGrad;
    return this;
  }

  // ---- its state

  /**
   * All parameters and persistent buffers by name, such as `fc1.weight`, as PyTorch names and orders them. The tensors
   * are detached and share storage with the module: `clone()` them to keep a state.
   */
  stateDict(): StateDict {
    return Object.fromEntries(targets(walk(this)).map(({ name, tensor }) => [name, tensor.detach()]));
  }

  /**
   * Copies the values of a state dict into the parameters and buffers of the same names.
   *
   * Where one tensor is reached by several names, any of them will do.
   *
   * @param options `strict: false` accepts missing and unexpected names.
   * @returns the names that were missing and unexpected.
   * @throws StateError that lists every misfit, ShapeError if it is shapes alone; nothing has changed then.
   */
  loadStateDict(stateDict: StateDict, options: { strict?: boolean } = {}): LoadResult {
    checkOptions('loadStateDict', options, ['strict']);
    const { strict = true } = options;
    checkBoolean('loadStateDict', 'strict', strict);
    const found = walk(this);
    return loadInto(this.constructor.name, targets(found), found.aliases, stateDict, strict);
  }

  // ---- as text

  /** What stands between the parentheses of {@link toString}: `784, 128`. For layers of one's own to override. */
  protected extraRepr(): string {
    return '';
  }

  /** The module and what is in it: `Net(` … `(fc1): Linear(784, 128)` … `)`. */
  toString(): string {
    return draw(this, new Set());
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }

  /** @internal */
  static head(module: Module): string {
    return `${module.constructor.name || 'Module'}(${module.extraRepr()}`;
  }
}

function join(outer: string, inner: string): string {
  return outer && inner ? `${outer}.${inner}` : outer || inner;
}

/** The parameters and modules in the fields of `module`, in order; arrays and plain objects are looked into. */
function members(module: Module): [name: string, member: Parameter | Module][] {
  const found: [string, Parameter | Module][] = [];
  const seen = new Set<unknown>();
  const look = (holder: object, prefix: string): void => {
    if (seen.has(holder)) return;
    seen.add(holder);
    for (const [field, value] of Object.entries(holder)) {
      if (typeof value !== 'object' || value === null) continue;
      const name = join(prefix, field);
      if (value instanceof Parameter || value instanceof Module) found.push([name, value]);
      else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) look(value, name);
    }
  };
  look(module, '');
  return found;
}

interface Place {
  name: string;
  module: Module;
  parameters: [field: string, parameter: Parameter][];
}

interface Walk {
  modules: Place[];
  /** Other names of what has one already: `decoder` → `encoder`, `head.weight` → `embedding.weight`. */
  aliases: Map<string, string>;
}

/** Visits `root` and all that is in it, once each, and lets the modules know their paths. */
function walk(root: Module): Walk {
  const names = new Map<Module | Parameter, string>([[root, '']]);
  const found: Walk = { modules: [], aliases: new Map() };
  const visit = (module: Module, name: string): void => {
    const place: Place = { name, module, parameters: [] };
    found.modules.push(place);
    const inner: [string, Module][] = [];
    for (const [field, member] of members(module)) {
      if (member instanceof Module) {
        inner.push([join(name, field), member]);
      } else if (names.has(member)) {
        found.aliases.set(join(name, field), names.get(member) as string);
      } else {
        names.set(member, join(name, field));
        place.parameters.push([field, member]);
      }
    }
    for (const [path, member] of inner) {
      if (names.has(member)) {
        found.aliases.set(path, names.get(member) as string);
        continue;
      }
      names.set(member, path);
      paths.set(member, join(paths.get(root) ?? '', path));
      visit(member, path);
    }
  };
  visit(root, '');
  return found;
}

function ownBuffers(module: Module): [field: string, buffer: Tensor, persistent: boolean][] {
  const fields = module as unknown as Record<string, Tensor>;
  return [...(registered.get(module) ?? [])].flatMap(([field, { persistent }]) => {
    const buffer = fields[field];
    return buffer instanceof Tensor ? [[field, buffer, persistent] as [string, Tensor, boolean]] : [];
  });
}

/** What a state dict holds of each module: its parameters, then its persistent buffers. */
function targets({ modules }: Walk): Target[] {
  return modules.flatMap(({ name, module, parameters }) =>
    [...parameters, ...ownBuffers(module).filter(([, , persistent]) => persistent)].map(
      ([field, tensor]) => ({
        name: join(name, field),
        tensor,
      }),
    ),
  );
}

function draw(module: Module, seen: Set<Module>): string {
  const children = members(module).filter(
    (member): member is [string, Module] => member[1] instanceof Module,
  );
  if (children.length === 0) return `${Module.head(module)})`;
  if (seen.has(module)) return `${Module.head(module)}…)`; // drawn elsewhere, perhaps around this very place
  seen.add(module);
  const lines = children.map(([name, child]) => `(${name}): ${draw(child, seen)}`.replaceAll('\n', '\n  '));
  return `${Module.head(module)}\n  ${lines.join('\n  ')}\n)`;
}

/**
 * The error of a layer that cannot take its input: `fc2: expected input [*, 128], got [64, 100] (layer
 * Linear(128, 10))`; before the layer knows its path, `Linear(128, 10): expected input …`.
 */
export function inputError(layer: Module, expected: string, input: unknown): ArgumentError | ShapeError {
  const path = paths.get(layer);
  const message = (got: string) => {
    const what = `expected input ${expected}, got ${got}`;
    return path ? `${path}: ${what} (layer ${layer})` : `${layer}: ${what}`;
  };
  return input instanceof Tensor
    ? new ShapeError(message(formatShape(input.shape)))
    : new ArgumentError(message(describe(input)));
}
