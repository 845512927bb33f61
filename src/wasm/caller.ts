/**
 * Calls of the module. All arrays go through here: each call copies those that it reads into one block of the module's
 * memory and what it wrote back out. Tensors stay in ordinary ArrayBuffers, which the collector frees, and the module
 * holds nothing of theirs between calls.
 */
import type { TypedArray } from '../dtype.js';
import type { Exports } from './exports.js';

/** Words that describe an array: element type, address, length, and where JavaScript has it (two words). */
const ENTRY = 5;
/** Every array lies at a multiple of this, in bytes: whole vectors. */
const ALIGNMENT = 16;
/** The block grows by multiples of this, in bytes: a page of WebAssembly. */
const PAGE = 65_536;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

const never = () => false;

const decoder = new TextDecoder();

/** Text as the module takes it. */
export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An error as the native binary throws it: `fromNative` makes its class from the code. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Carries out calls of the module's exports. */
export class Caller {
  private block = 0;
  private capacity = 0;
  private bytes = new Uint8Array();
  private words = new Uint32Array();
  private floats = new Float32Array();
  private integers = new Int32Array();
  /** Why nothing computes any more. */
  private stopped: string | undefined;

  constructor(readonly exports: Exports) {}

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
   * Calls into the module. It calls back nothing that throws, so this is a trap: it broke off in the middle of something,
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

  /** Lets go of something; once the module has stopped there is nothing to let go of. */
  free(body: () => void): void {
    if (this.stopped === undefined) this.guard(body);
  }

  /** What the last export gave. */
  result(): Uint8Array {
    const { memory, result_address, result_length } = this.exports;
    return new Uint8Array(memory.buffer, result_address(), result_length()).slice();
  }

  /** That, as text. */
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
