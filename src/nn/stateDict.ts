/** Loading a state: everything is checked before anything changes. */
import { noGrad } from '../autograd.js';
import { ArgumentError, ShapeError, StateError } from '../errors.js';
import { describe, formatShape } from '../shape.js';
import { IN_TRAINING, Tensor } from '../tensor.js';

/** Tensors by name: what {@link Module.stateDict} gives, `save` writes and `load` reads. */
export type StateDict = Record<string, Tensor>;

/** Names that were not where they were looked for. */
export interface LoadResult {
  /** In the module, but not in the state dict. */
  missing: string[];
  /** In the state dict, but not in the module. */
  unexpected: string[];
}

/** What is loaded into. */
export interface Target {
  name: string;
  tensor: Tensor;
}

/** The name that `name` stands for, if a part of the module that it leads through has another. */
function canonical(name: string, aliases: ReadonlyMap<string, string>): string {
  let current = name;
  for (let replaced = 0; replaced <= aliases.size; replaced++) {
    const alias = [...aliases.keys()].find((path) => current === path || current.startsWith(`${path}.`));
    if (alias === undefined) return current;
    const path = aliases.get(alias) as string;
    current = path === '' ? current.slice(alias.length + 1) : path + current.slice(alias.length);
  }
  return current; // only names that go round in a cycle of modules get here
}

/** Why `value` cannot be loaded into `target`, if so. */
function misfit(target: Tensor, value: unknown): string | undefined {
  if (!(value instanceof Tensor)) return `expected a tensor, got ${describe(value)}`;
  const [expected, got] = [formatShape(target.shape), formatShape(value.shape)];
  if (expected !== got) return `expected shape ${expected}, got ${got}`;
  if (target.dtype !== value.dtype) return `expected ${target.dtype}, got ${value.dtype}`;
  if (value.array.length === 0 && value.size > 0) return 'its buffer was detached or disposed';
  if (target.storage.inTraining) return `the tensor in the module is ${IN_TRAINING}`;
  if (target.array.length < target.size) return 'the buffer in the module was detached or disposed';
  if (!target.isContiguous()) return 'the tensor in the module is a strided view, which cannot be written';
  return undefined;
}

/** {@link Module.loadStateDict} */
export function loadInto(
  what: string,
  targets: readonly Target[],
  aliases: ReadonlyMap<string, string>,
  stateDict: StateDict,
  strict: boolean,
): LoadResult {
  if (typeof stateDict !== 'object' || stateDict === null || stateDict instanceof Tensor) {
    throw new ArgumentError(
      `loadStateDict: expected an object of tensors by name, got ${describe(stateDict)}`,
    );
  }
  const waiting = new Map(targets.map(({ name, tensor }) => [name, tensor]));
  const missing = new Set(waiting.keys());
  const unexpected: string[] = [];
  const misfits: string[] = [];
  const copies: [Tensor, Tensor][] = [];
  let shapesAlone = true;
  for (const [given, value] of Object.entries(stateDict)) {
    const name = waiting.has(given) ? given : canonical(given, aliases);
    const target = waiting.get(name);
    if (!target) {
      unexpected.push(given);
      continue;
    }
    missing.delete(name);
    const reason = misfit(target, value);
    if (reason) {
      misfits.push(`${given}: ${reason}`);
      shapesAlone &&= reason.startsWith('expected shape');
    } else if (value.storage !== target.storage) {
      copies.push([target, value]);
    }
  }
  const result: LoadResult = { missing: [...missing], unexpected };
  const problems = [...misfits];
  if (strict && missing.size > 0) problems.unshift(`missing: ${result.missing.join(', ')}`);
  if (strict && unexpected.length > 0) problems.unshift(`unexpected: ${unexpected.join(', ')}`);
  if (problems.length > 0) {
    const message = `loadStateDict: this state dict does not fit ${what}, nothing was loaded\n  ${problems.join('\n  ')}`;
    throw problems.length === misfits.length && shapesAlone
      ? new ShapeError(message)
      : new StateError(message);
  }
  // A state may be made of the module's own tensors in another order: no value is overwritten before it is read.
  const written = new Set(targets.map(({ tensor }) => tensor.storage));
  noGrad(() => {
    const ready = copies.map(
      ([target, value]) => [target, written.has(value.storage) ? value.clone() : value] as const,
    );
    for (const [target, value] of ready) target.copy_(value);
  });
  return result;
}
