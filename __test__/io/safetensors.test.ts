import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ArgumentError,
  DataError,
  FerrogradError,
  FormatError,
  load,
  loadMetadata,
  save,
  type Tensor,
  tensor,
  zeros,
} from 'ferrograd';
import { afterAll, describe, expect, it } from 'vitest';
import expected from '../fixtures/dtypes.json' with { type: 'json' };

const folder = mkdtempSync(join(tmpdir(), 'ferrograd-io-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
const fixture = new URL('../fixtures/dtypes.safetensors', import.meta.url).pathname;

/** A file with this header, and so many bytes after it. */
function file(header: unknown, bytes: Uint8Array | number = 0): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  const path = at('made.safetensors');
  writeFileSync(path, Buffer.concat([prefix, json, typeof bytes === 'number' ? Buffer.alloc(bytes) : bytes]));
  return path;
}

async function rejection(promise: Promise<unknown>): Promise<FerrogradError> {
  const error = await promise.then(
    () => new Error('nothing was thrown'),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(FerrogradError);
  return error as FerrogradError;
}

describe('a file that PyTorch wrote', () => {
  it('gives every type as the ones that tensors have', async () => {
    const tensors = await load(fixture);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { dtype, shape, elements }] of Object.entries(expected)) {
      const { dtype: got, shape: gotShape, data } = tensors[name] as Tensor;
      expect([name, got, gotShape]).toEqual([name, dtype, shape]);
      const bits = Int32Array.from(elements);
      const wanted = dtype === 'float32' ? new Float32Array(bits.buffer) : bits;
      expect([...data]).toEqual([...wanted]); // tells −0 from 0, takes any NaN for any other
    }
  });

  it('has notes', async () => {
    expect(await loadMetadata(fixture)).toEqual({ format: 'pt', note: 'größe "大"\n🙂' });
  });

  it('comes back from save as it was', async () => {
    const tensors = await load(fixture);
    await save(tensors, at('again.safetensors'));
    const again = await load(at('again.safetensors'));
    expect(Object.keys(again).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { dtype, shape, data }] of Object.entries(again)) {
      expect([dtype, shape, data]).toEqual([tensors[name]?.dtype, tensors[name]?.shape, tensors[name]?.data]);
    }
  });
});

describe('save', () => {
  it('writes what the format asks for', async () => {
    const path = at('exact.safetensors');
    await save({ b: tensor([1, 2]), a: tensor(Uint8Array.of(7)), c: tensor([[3]]) }, path, {
      metadata: { note: 'x' },
    });
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUInt64LE());
    expect(length % 8).toBe(0); // the elements are aligned
    expect(JSON.parse(bytes.subarray(8, 8 + length).toString())).toEqual({
      __metadata__: { note: 'x' },
      b: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      c: { dtype: 'F32', shape: [1, 1], data_offsets: [8, 12] },
      a: { dtype: 'U8', shape: [1], data_offsets: [12, 13] },
    });
    expect([
      ...new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8 + length, bytes.byteOffset + 20 + length)),
    ]).toEqual([1, 2, 3]);
    expect(bytes.at(-1)).toBe(7);
    expect(bytes.length).toBe(8 + length + 13);
  });

  it('writes the same bytes every time, whatever the order of the names', async () => {
    const metadata = { a: '1', b: '2', c: '3', d: '4', e: '5' };
    const names = ['x', 'y', 'z', 'w'];
    await save(Object.fromEntries(names.map((n) => [n, tensor([n.length])])), at('1'), { metadata });
    const reversed = Object.fromEntries(Object.entries(metadata).reverse());
    await save(Object.fromEntries(names.reverse().map((n) => [n, tensor([n.length])])), at('2'), {
      metadata: reversed,
    });
    expect(readFileSync(at('1')).equals(readFileSync(at('2')))).toBe(true);
  });

  it('takes strided tensors, scalars and empty ones', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const tensors = {
      t: x.t(),
      slice: x.slice(1, 1, 3),
      row: x.slice(0, 1),
      scalar: tensor(5),
      none: zeros([0, 3]),
    };
    await save(tensors, at('strided'));
    const read = await load(at('strided'));
    for (const [name, wanted] of Object.entries(tensors)) {
      expect(read[name]?.shape).toEqual(wanted.shape);
      expect(read[name]?.toArray()).toEqual(wanted.toArray());
    }
  });

  it('takes a dict without tensors, and names that mean something in JavaScript', async () => {
    await save({}, at('nothing'));
    expect(await load(at('nothing'))).toEqual({});
    expect(await loadMetadata(at('nothing'))).toEqual({});
    const names = Object.fromEntries([
      ['__proto__', tensor([1])],
      ['constructor', tensor([2])],
      ['0', tensor([3])],
    ]);
    await save(names, at('names'));
    const read = await load(at('names'));
    expect(Object.keys(read).sort()).toEqual(['0', '__proto__', 'constructor']);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });

  it('writes the values at the time of the call', async () => {
    const x = zeros([100_000]);
    const saving = save({ x }, at('snapshot'));
    x.fill_(1);
    await saving;
    expect((await load(at('snapshot'))).x?.sum().item()).toBe(0);
  });

  it('replaces what was there, through links too, and leaves nothing else behind', async () => {
    const place = mkdtempSync(join(folder, 'replace-'));
    await save({ x: tensor([1]) }, join(place, 'a'));
    symlinkSync(join(place, 'a'), join(place, 'link'));
    await save({ x: tensor([2]) }, join(place, 'link'));
    expect((await load(join(place, 'a'))).x?.item()).toBe(2);
    await Promise.all([3, 4, 5].map((n) => save({ x: tensor([n]) }, join(place, 'a'))));
    expect([3, 4, 5]).toContain((await load(join(place, 'a'))).x?.item());
    expect(readdirSync(place).sort()).toEqual(['a', 'link']);
  });

  it('refuses what cannot be saved, before it touches the disk', async () => {
    const x = tensor([1]);
    const path = at('never');
    for (const dict of [
      null,
      7,
      [x],
      x,
      { x: 1 },
      { x: null },
      { x: { y: x } },
      { '': x },
      { __metadata__: x },
      { '\ud800': x },
    ]) {
      expect(await rejection(save(dict as never, path))).toBeInstanceOf(ArgumentError);
    }
    for (const options of [
      { metadata: { a: 1 } },
      { metadata: [] },
      { metadata: { a: '\udc00' } },
      { meta: {} },
      7,
    ]) {
      expect(await rejection(save({ x }, path, options as never))).toBeInstanceOf(ArgumentError);
    }
    for (const wrong of ['', 'a\0b', undefined, 7]) {
      expect(await rejection(save({ x }, wrong as never))).toBeInstanceOf(ArgumentError);
    }
    expect((await rejection(save({ 'fc1.weight': 3 } as never, path))).message).toBe(
      'save: "fc1.weight" must be a tensor, got 3',
    );
    const disposed = tensor([1]);
    disposed[Symbol.dispose]();
    await rejection(save({ disposed }, path));
    expect(readdirSync(folder)).not.toContain('never');
  });

  it('says where it could not write, and why', async () => {
    const error = await rejection(save({ x: tensor([1]) }, at('missing/x.safetensors')));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(at('missing/x.safetensors'));
    expect((error.cause as NodeJS.ErrnoException).code).toBe('ENOENT');
  });
});

describe('load refuses', () => {
  it('what cannot be read', async () => {
    for (const path of [at('no such file'), folder, at('no folder/file'), '/dev/null']) {
      const error = await rejection(load(path));
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain(path);
      expect(error.cause).toBeInstanceOf(Error);
    }
    for (const path of ['', 'a\0', null]) {
      expect(await rejection(load(path as never))).toBeInstanceOf(ArgumentError);
    }
  });

  const info = (dtype: string, shape: unknown, begin: unknown, end: unknown) => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });
  const hostile: [what: string, header: unknown, bytes?: number][] = [
    ['no JSON', 'not json'],
    ['HTML', '<!doctype html><html></html>'],
    ['nothing', ''],
    ['an array', '[]'],
    ['a number', '1'],
    ['no UTF-8', '{"\xff\xfe": 1}'.replace('ÿþ', '\u{10ffff}'), 3],
    ['deep nesting', '['.repeat(100_000)],
    ['cut JSON', '{"a":{"dtype":"F32"'],
    ['a tensor that is no object', { a: 1 }],
    ['a missing field', { a: { dtype: 'F32', shape: [1] } }, 4],
    ['an unknown type', { a: info('F33', [1], 0, 4) }, 4],
    ['a negative size', { a: info('F32', [-1], 0, 4) }, 4],
    ['a fractional size', { a: info('F32', [1.5], 0, 4) }, 4],
    ['a size as text', { a: info('F32', ['1'], 0, 4) }, 4],
    ['sizes whose product overflows', { a: info('F32', [2 ** 40, 2 ** 40], 0, 4) }, 4],
    ['sizes whose bytes overflow', { a: info('F32', ['x'], 0, 4) }, 4],
    ['more bytes than there are', { a: info('F32', [2 ** 40], 0, 2 ** 42) }, 4],
    ['offsets that do not fit the shape', { a: info('F32', [2], 0, 4) }, 4],
    ['offsets the wrong way round', { a: info('F32', [0], 4, 0) }, 4],
    ['three offsets', { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 4],
    ['a gap', { a: info('F32', [1], 0, 4), b: info('F32', [1], 8, 12) }, 12],
    ['a gap in front', { a: info('F32', [1], 4, 8) }, 8],
    ['an overlap', { a: info('F32', [2], 0, 8), b: info('F32', [1], 4, 8) }, 8],
    ['bytes left over', { a: info('F32', [1], 0, 4) }, 5],
    ['bytes missing', { a: info('F32', [1], 0, 4) }, 3],
    [
      'a name twice',
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
    ],
    ['metadata that is no text', { __metadata__: { a: 1 }, a: info('F32', [1], 0, 4) }, 4],
  ];
  it.each(hostile)('a header with %s', async (_, header, bytes = 0) => {
    const path = file(header, bytes);
    const error = await rejection(load(path));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain(path);
    expect(error.message.length).toBeLessThan(500);
  });

  it('lengths of the header that are absurd', async () => {
    const path = at('length.safetensors');
    for (const [length, size] of [
      [2n ** 64n - 1n, 16],
      [2n ** 63n, 16],
      [2n ** 33n, 16],
      [9n, 16],
      [100n, 108],
    ] as const) {
      const bytes = Buffer.alloc(size);
      bytes.writeBigUInt64LE(length);
      writeFileSync(path, bytes);
      expect(await rejection(load(path))).toBeInstanceOf(FormatError);
    }
    for (const size of [0, 1, 7, 8]) {
      writeFileSync(path, Buffer.alloc(size));
      expect(await rejection(load(path))).toBeInstanceOf(FormatError);
    }
  });

  it('every truncation of a good file', async () => {
    const whole = readFileSync(fixture);
    const path = at('cut.safetensors');
    for (let length = 0; length < whole.length; length += 13) {
      writeFileSync(path, whole.subarray(0, length));
      expect(await rejection(load(path))).toBeInstanceOf(FormatError);
    }
  });

  it('integers that no int32 can hold', async () => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64LE(2n ** 31n, 8);
    const error = await rejection(load(file({ 'my.counter': info('I64', [2], 0, 16) }, bytes)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain('2147483648');
    bytes.writeBigInt64LE(-(2n ** 31n) - 1n, 8);
    expect(await rejection(load(file({ a: info('I64', [2], 0, 16) }, bytes)))).toBeInstanceOf(DataError);
    expect(await rejection(load(file({ a: info('U64', [2], 0, 16) }, bytes)))).toBeInstanceOf(DataError);
  });

  it('types that no tensor has', async () => {
    const error = await rejection(load(file({ a: info('C64', [1], 0, 8) }, 8)));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('C64');
  });

  it('more dimensions than a tensor has', async () => {
    const error = await rejection(load(file({ a: info('F32', Array(9).fill(1), 0, 4) }, 4)));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toContain('8 dimensions');
  });

  it('nothing that random damage makes of a file, but never crashes', async () => {
    const whole = readFileSync(fixture);
    const path = at('damaged.safetensors');
    let seed = 12345;
    const random = (n: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed % n;
    };
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(whole);
      for (let i = 0; i <= random(4); i++) bytes[random(1300)] = random(256);
      writeFileSync(path, bytes);
      await load(path).catch((error: unknown) => {
        expect(error).toBeInstanceOf(FerrogradError);
        refused++;
      });
    }
    expect(refused).toBeGreaterThan(100);
  });
});

describe('bool', () => {
  it('takes any byte but 0 for true', async () => {
    const path = file({ a: { dtype: 'BOOL', shape: [3], data_offsets: [0, 3] } }, Uint8Array.of(0, 1, 2));
    expect([...((await load(path)).a?.data ?? [])]).toEqual([0, 1, 1]);
  });
});
