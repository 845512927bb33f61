/** The native binding in WebAssembly: the same functions, of a module whose memory is its own. */
import type { Native } from '../binding.js';
import type { TypedArray } from '../dtype.js';
import { Caller, encode } from './caller.js';
import type { Exports } from './exports.js';
import { WasmInference, WasmSession } from './session.js';

/** The module's compiled code, such as of `new WebAssembly.Module(bytes)`, made ready to compute. */
export function instantiate(module: WebAssembly.Module): Native {
  // The clock is all that it imports.
  const { exports } = new WebAssembly.Instance(module, { host: { now: () => performance.now() } });
  return bind(exports as unknown as Exports);
}

/** A new array of the type of another; not by its own methods, since a Buffer's `slice` is the same memory. */
function sized<T extends TypedArray>(like: T, length: number): T {
  const Constructor =
    like instanceof Float32Array ? Float32Array : like instanceof Int32Array ? Int32Array : Uint8Array;
  return new Constructor(length) as T;
}

/**
 * Of rows in an array those that `order` names, one after the other, and their order now. A data set stays where it is
 * and only a batch is copied. An order that names what is not there is left to the module, with all rows.
 */
function pick<T extends TypedArray>(rows: T, row: number, order: Int32Array): [rows: T, order: Int32Array] {
  const count = Math.floor(rows.length / row);
  if (!(count > order.length) || order.some((index) => index < 0 || index >= count)) return [rows, order];
  const picked = sized(rows, order.length * row);
  order.forEach((index, i) => {
    picked.set(rows.subarray(index * row, (index + 1) * row), i * row);
  });
  return [picked, Int32Array.from(order.keys())];
}

/** Functions in the words of {@link Native} from those of the module. */
function bind(exports: Exports): Native {
  const caller = new Caller(exports);
  return {
    version() {
      caller.check(() => exports.version());
      return caller.text();
    },
    initialize() {
      const env: Record<string, string | undefined> = globalThis.process?.env ?? {};
      const wishes = ['FERROGRAD_ISA', 'FERROGRAD_NUM_THREADS'].map((name) => encode(env[name] ?? ''));
      caller.run((table) => exports.initialize(table), wishes);
    },
    isa() {
      caller.check(() => exports.instruction_set());
      return caller.text();
    },
    getNumThreads: () => caller.guard(() => exports.get_num_threads()),
    setNumThreads: (threads) => caller.check(() => exports.set_num_threads(threads)),

    prepare(op, attributes, count, inputs) {
      const arrays = [encode(op), encode(attributes), inputs];
      caller.run((table) => exports.prepare(table, count), arrays);
      return JSON.parse(caller.text());
    },
    forgetPrepared: () => caller.guard(() => exports.forget_prepared()),
    forward(id, output, ...arrays) {
      const inputs = arrays.length;
      arrays.push(output);
      caller.run((table) => exports.forward(id, table, arrays.length), arrays, inputs);
    },
    backward(program, values, dy, grads) {
      const arrays = [program, dy, ...values, ...grads];
      const first = arrays.length - grads.length;
      // The program ends with a pair for each gradient, which says whether it is added to.
      const isAdded = (index: number) => program[program.length - 2 * (arrays.length - index) + 1] === 1;
      const invoke = (table: number) => exports.backward(table, values.length, grads.length);
      caller.run(invoke, arrays, first, isAdded, true);
    },

    optimizerStep(rule, options, params, grads, buffers, steps) {
      const read = [encode(rule), encode(options), steps, ...grads];
      const invoke = (table: number) => exports.optimizer_step(table, params.length, buffers.length);
      caller.run(invoke, [...read, ...params, ...buffers], read.length, () => true, true);
    },

    fillUniform: (out, seed, stream, low, high) =>
      caller.run((table) => exports.fill_uniform(table, seed, stream, low, high), [out], 0),
    fillNormal: (out, seed, stream, mean, deviation) =>
      caller.run((table) => exports.fill_normal(table, seed, stream, mean, deviation), [out], 0),
    fillIntegers: (out, seed, stream, low, high) =>
      caller.run((table) => exports.fill_integers(table, seed, stream, low, high), [out], 0),
    fillPermutation: (out, seed, stream) =>
      caller.run((table) => exports.fill_permutation(table, seed, stream), [out], 0),

    gatherRows(rows, row, order, _next, out) {
      const [picked, places] = pick(rows, row, order);
      caller.run((table) => exports.gather_rows(table, row), [picked, places, out], 2);
    },
    gatherImages(images, row, order, _next, divide, mean, std, out) {
      const [picked, places] = pick(images, row, order);
      caller.run((table) => exports.gather_images(table, row, divide), [picked, places, mean, std, out], 4);
    },

    writeSafetensors(tensors, data, metadata) {
      const header = [tensors, Object.fromEntries(metadata)].map((part) => encode(JSON.stringify(part)));
      caller.run((table) => exports.write_safetensors(table, data.length), [...header, ...data]);
      return caller.result();
    },
    parseSafetensors(file) {
      caller.run((table) => exports.parse_safetensors(table), [file]);
      return JSON.parse(caller.text());
    },
    readSafetensors(file, outputs) {
      caller.run((table) => exports.read_safetensors(table, outputs.length), [file, ...outputs], 1);
    },

    peak(threads) {
      caller.check(() => exports.peak(threads));
      return JSON.parse(caller.text());
    },
    createSession: (parameters) => new WasmSession(caller, parameters),
    compileInference: (program, constants) => new WasmInference(caller, program, constants),

    syntheticDigits: (seed, first, images, labels) =>
      caller.run((table) => exports.synthetic_digits(table, seed, first), [images, labels], 0),
  };
}
