/** What is in the fields of modules, to notice what changes there. */
import { Module } from '../nn/module.js';

/** Arrays with more elements are taken as a whole: nobody keeps so many layers in one. */
const MOST_ELEMENTS = 1024;

interface Holder {
  readonly path: string;
  readonly object: Record<string, unknown>;
  readonly keys: readonly string[];
  readonly values: readonly unknown[];
}

/** The values of all fields of some modules and of those in them, in arrays and plain objects too, at one time. */
export class Fields {
  private readonly holders: Holder[] = [];

  constructor(modules: readonly object[]) {
    const seen = new Set<unknown>();
    for (const module of modules) this.visit(module, '', seen);
  }

  /** Whether every field has the value that it had; new fields are not noticed. */
  areSame(): boolean {
    for (const { object, keys, values } of this.holders) {
      for (let i = 0; i < keys.length; i++) {
        if (!Object.is(object[keys[i] as string], values[i])) return false;
      }
    }
    return true;
  }

  /** The name of a field that is new, gone, or has another value. */
  changed(): string | undefined {
    for (const { path, object, keys, values } of this.holders) {
      const other = keys.findIndex((key, i) => !Object.is(object[key], values[i]));
      const name = other >= 0 ? keys[other] : Object.keys(object).find((key) => !keys.includes(key));
      if (name !== undefined) return path ? `${path}.${name}` : name;
    }
    return undefined;
  }

  /** Gives every field the value that it had. */
  restore(): void {
    for (const { object, keys, values } of this.holders) {
      if (Array.isArray(object)) object.length = keys.length;
      else for (const key of Object.keys(object)) if (!keys.includes(key)) delete object[key];
      keys.forEach((key, i) => {
        if (!Object.is(object[key], values[i])) object[key] = values[i];
      });
    }
  }

  private visit(value: object, path: string, seen: Set<unknown>): void {
    if (seen.has(value)) return;
    seen.add(value);
    const object = value as Record<string, unknown>;
    const keys = Object.keys(object);
    const values = keys.map((key) => object[key]);
    this.holders.push({ path, object, keys, values });
    values.forEach((inner, i) => {
      if (isLookedInto(inner)) this.visit(inner, path ? `${path}.${keys[i]}` : (keys[i] as string), seen);
    });
  }
}

function isLookedInto(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Module) return true;
  if (Array.isArray(value)) return value.length <= MOST_ELEMENTS;
  return Object.getPrototypeOf(value) === Object.prototype;
}
