/**
 * The native binding in WebAssembly: the same functions, of a module whose memory is its own.
 *
 * Each call copies the arrays that it reads into one block of that memory and what it wrote back out: tensors stay
 * in ordinary ArrayBuffers, which the collector frees, and the module holds nothing of theirs between calls.
 * crates/wasm is the other side.
 */
import type { Native } from './binding.js';
import type { TypedArray } from './dtype.js';

/** What the module exports. Those that give a boolean, 1 or 0, have a result or an error to be read then. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  result_address(): number;
  result_length(): number;
  initialize(table: number): number;
  version(): number;
  instruction_set(): number;
  get_num_threads(): number;
  set_num_threads(threads: number): number;
  prepare(table: number, count: number): number;
  forget_prepared(): void;
  forward(id: number, table: number, count: number): number;
  backward(table: number, values: number, grads: number): number;
  optimizer_step(table: number, params: number, buffers: number): number;
  fill_uniform(table: number, seed: number, stream: number, low: number, high: number): number;
  fill_normal(table: number, seed: number, stream: number, mean: number, deviation: number): number;
  fill_integers(table: number, seed: number, stream: number, low: number, high: number): number;
  fill_permutation(table: number, seed: number, stream: number): number;
  gather_rows(table: number, row: number): number;
  gather_images(table: number, row: number, divide: number): number;
  write_safetensors(table: number, count: number): number;
  parse_safetensors(table: number): number;
  read_safetensors(table: number, count: number): number;
  synthetic_digits(table: number, seed: number, first: number): number;
}

/** The module's compiled code, such as of `new WebAssembly.Module(bytes)`, made ready to compute. */
export function instantiate(module: WebAssembly.Module): Native {
  const { exports } = new WebAssembly.Instance(module);
  return bind(exports as unknown as Exports);
}

/** Words that describe an array: element type, address, length, and where JavaScript has it (two words). */
const ENTRY = 5;
/** Every array lies at a multiple of this, in bytes: whole vectors. */
const ALIGNMENT = 16;
/** The block grows by multiples of this, in bytes: a page of WebAssembly. */
const PAGE = 65_536;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const always = () => true;
const never = () => false;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An error as the native binary throws it: `fromNative` makes its class from the code. */
function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Carries out calls of the module's exports. */
class Caller {
  private block = 0;
  private capacity = 0;
  private bytes = new Uint8Array();
  private words = new Uint32Array();
  private floats = new Float32Array();
  private integers = new Int32Array();
  /** Why nothing computes any more. */
  private stopped: string | undefined;

  constructor(private readonly exports: Exports) {}

  /**
   * Calls an export with a table of arrays. Those from number `written` on are copied out after it, all others only
   * in, as are those of which `isRead` says so.
   *
   * @param invoke is given the table's address; false is an error.
   * @param places whether it matters that arrays share memory.
   */
  run(
    invoke: (table: number) => number | boolean,
    arrays: readonly (TypedArray | null)[],
    written = arrays.length,
    isRead: (index: number) => boolean = never,
    places = false,
  ): void {
    const table = this.reserve(arrays);
    const owners = places ? new Map<ArrayBufferLike, number>() : undefined;
    let at = table + aligned(arrays.length * ENTRY * 4);
    for (let i = 0, word = table / 4; i < arrays.length; i++, word += ENTRY) {
      const array = arrays[i] as TypedArray | null;
      const { words } = this;
      if (array === null) {
        words[word] = 3;
        continue;
      }
      words[word] = array instanceof Float32Array ? 0 : array instanceof Int32Array ? 1 : 2;
      words[word + 1] = at;
      words[word + 2] = array.length;
      if (owners) {
        const owner = owners.get(array.buffer) ?? owners.size;
        owners.set(array.buffer, owner);
        words[word + 3] = array.byteOffset; // its low half
        words[word + 4] = owner * 2 ** 8 + Math.floor(array.byteOffset / 2 ** 32);
      }
      if (i < written || isRead(i)) this.copyIn(array, at);
      at += aligned(array.byteLength);
    }
    this.check(invoke, table);
    this.refresh(); // the call may have made memory grow
    at = table + aligned(arrays.length * ENTRY * 4);
    for (let i = 0; i < arrays.length; i++) {
      const array = arrays[i] as TypedArray | null;
      if (array === null) continue;
      if (i >= written) this.copyOut(array, at);
      at += aligned(array.byteLength);
    }
  }

  /** Calls an export without arrays. */
  check(invoke: (table: number) => number | boolean, table = 0): void {
    if (!this.guard(() => invoke(table))) {
      const text = this.text();
      const end = text.indexOf('\n');
      throw coded(text.slice(0, end), text.slice(end + 1));
    }
  }

  /**
   * Calls into the module. It imports nothing, so what it throws is a trap: it broke off in the middle of something,
   * and nothing in its memory can be relied on from then on.
   */
  guard<R>(body: () => R): R {
    if (this.stopped !== undefined) {
      throw coded(
        'ERR_STATE',
        `ferrograd's WebAssembly module has stopped, nothing computes here any more (${this.stopped}); ` +
          'start this worker or program anew',
      );
    }
    try {
      return body();
    } catch (cause) {
      const left = this.text();
      const panic = left.startsWith('ERR_INTERNAL\n') ? left.slice(left.indexOf('\n') + 1) : undefined;
      const megabytes = Math.round(this.exports.memory.buffer.byteLength / 2 ** 20);
      this.stopped =
        panic ?? `${(cause as Error).message}, perhaps for want of memory: it had ${megabytes} MB`;
      throw Object.assign(coded('ERR_INTERNAL', `WebAssembly broke off: ${this.stopped}`), { cause });
    }
  }

  /** What the last export gave. */
  result(): Uint8Array {
    const { memory, result_address, result_length } = this.exports;
    return new Uint8Array(memory.buffer, result_address(), result_length()).slice();
  }

  text(): string {
    return decoder.decode(this.result());
  }

  /** The address of a block that the arrays and their table fit in. */
  private reserve(arrays: readonly (TypedArray | null)[]): number {
    let bytes = aligned(arrays.length * ENTRY * 4);
    for (const array of arrays) bytes += array === null ? 0 : aligned(array.byteLength);
    if (bytes > this.capacity) {
      const capacity = Math.ceil(bytes / PAGE) * PAGE;
      const block = capacity < 2 ** 32 ? this.guard(() => this.exports.reserve(capacity)) >>> 0 : 0;
      this.block = block;
      this.capacity = block === 0 ? 0 : capacity;
      if (block === 0) {
        throw coded('ERR_ARGUMENT', `WebAssembly has no room for the ${bytes} bytes of the arrays of a call`);
      }
    }
    this.refresh();
    return this.block;
  }

  /** Memory that has grown is another buffer. */
  private refresh(): void {
    const { buffer } = this.exports.memory;
    if (buffer === this.bytes.buffer) return;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.floats = new Float32Array(buffer);
    this.integers = new Int32Array(buffer);
  }

  private copyIn(array: TypedArray, at: number): void {
    if (array.length === 0) return; // of a buffer that went elsewhere even nothing cannot be copied
    if (array instanceof Float32Array) this.floats.set(array, at / 4);
    else if (array instanceof Int32Array) this.integers.set(array, at / 4);
    else this.bytes.set(array, at);
  }

  private copyOut(array: TypedArray, at: number): void {
    if (array.length === 0) return;
    const from = at / array.BYTES_PER_ELEMENT;
    const memory =
      array instanceof Float32Array ? this.floats : array instanceof Int32Array ? this.integers : this.bytes;
    array.set(memory.subarray(from, from + array.length));
  }
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
export function bind(exports: Exports): Native {
  const caller = new Caller(exports);
  return {
    version() {
      caller.check(() => exports.version());
      return caller.text();
    },
    initialize() {
      const env: Record<string, string | undefined> = globalThis.process?.env ?? {};
      const wishes = ['FERROGRAD_ISA', 'FERROGRAD_NUM_THREADS'].map((name) => encoder.encode(env[name]));
      caller.run((table) => exports.initialize(table), wishes);
    },
    isa() {
      caller.check(() => exports.instruction_set());
      return caller.text();
    },
    getNumThreads: () => caller.guard(() => exports.get_num_threads()),
    setNumThreads: (threads) => caller.check(() => exports.set_num_threads(threads)),

    prepare(op, attributes, count, inputs) {
      const arrays = [encoder.encode(op), encoder.encode(attributes), inputs];
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
      const read = [encoder.encode(rule), encoder.encode(options), steps, ...grads];
      const invoke = (table: number) => exports.optimizer_step(table, params.length, buffers.length);
      caller.run(invoke, [...read, ...params, ...buffers], read.length, always, true);
    },

    fillUniform: (out, seed, stream, low, high) =>
      caller.run((table) => exports.fill_uniform(table, seed, stream, low, high), [out], 0),
    fillNormal: (out, seed, stream, mean, deviation) =>
      caller.run((table) => exports.fill_normal(table, seed, stream, mean, deviation), [out], 0),
    fillIntegers: (out, seed, stream, low, high) =>
      caller.run((table) => exports.fill_integers(table, seed, stream, low, high), [out], 0),
    fillPermutation: (out, seed, stream) =>
      caller.run((table) => exports.fill_permutation(table, seed, stream), [out], 0),

    gatherRows(rows, row, order, out) {
      const [picked, places] = pick(rows, row, order);
      caller.run((table) => exports.gather_rows(table, row), [picked, places, out], 2);
    },
    gatherImages(images, row, order, divide, mean, std, out) {
      const [picked, places] = pick(images, row, order);
      caller.run((table) => exports.gather_images(table, row, divide), [picked, places, mean, std, out], 4);
    },

    writeSafetensors(tensors, data, metadata) {
      const header = [tensors, Object.fromEntries(metadata)].map((part) =>
        encoder.encode(JSON.stringify(part)),
      );
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

    syntheticDigits: (seed, first, images, labels) =>
      caller.run((table) => exports.synthetic_digits(table, seed, first), [images, labels], 0),
  };
}
