import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseIdx, readIdx } from '../../src/datasets/idx.js';
import { DataError, FormatError } from '../../src/errors.js';
import { idx, idxImages } from './idxFiles.js';

const images = { ndim: 3 };
const labels = { ndim: 1 };

describe('parseIdx', () => {
  const parse = (bytes: Uint8Array, expected = images) => parseIdx(bytes, '/data/x', expected);

  it('reads shape and elements', () => {
    const { shape, data } = parse(idx([2, 1, 3], [1, 2, 3, 4, 5, 255]));
    expect(shape).toEqual([2, 1, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 255]);
    expect(parse(idx([2], [7, 9]), labels).shape).toEqual([2]);
  });

  it('reads bytes that start in the middle of a buffer', () => {
    const whole = Buffer.concat([Buffer.from([9, 9, 9]), idx([1, 1, 2], [4, 5])]);
    expect([...parse(whole.subarray(3)).data]).toEqual([4, 5]);
  });

  const good = idx([2, 1, 2], [1, 2, 3, 4]);
  const doubles = Buffer.from(good);
  doubles[2] = 0x0e;
  it.each<[string, Uint8Array, { ndim: number }, RegExp]>([
    ['an empty file', new Uint8Array(0), images, /the file is empty; expected an IDX file of images/],
    ['half a magic number', good.subarray(0, 3), images, /truncated: 3 of 16 header bytes/],
    ['half a header', good.subarray(0, 15), images, /truncated: 15 of 16 header bytes/],
    [
      'missing elements',
      good.subarray(0, -1),
      images,
      /truncated: the header promises \[2, 1, 2\].* 20 bytes.* got 19/,
    ],
    [
      'trailing bytes',
      Buffer.concat([good, Buffer.alloc(2)]),
      images,
      /trailing bytes: .* 20 bytes in all, got 22/,
    ],
    ['labels for images', idx([2], [1, 2]), images, /expected .*images.*got labels.*files swapped\?/],
    ['images for labels', good, labels, /expected .*labels.*got images.*files swapped\?/],
    ['two dimensions', idx([1, 2], [1, 2]), images, /got IDX of uint8 in 2 dimensions/],
    ['another element type', doubles, images, /got IDX of float64, which is not supported/],
    ['a web page', Buffer.from('\n<!DOCTYPE html><html>404'), images, /got a web page: a failed download\?/],
    ['gzip twice', gzipSync(good), images, /gzip inside gzip/],
    ['a zip archive', Buffer.from('PK\x03\x04................'), images, /a zip archive/],
    ['anything else', Buffer.from('hello, IDX!'), images, /got a file that starts with 0x68656c6c/],
    ['no items', idx([0, 28, 28], []), images, /holds no data \(\[0, 28, 28\] elements\)/],
    ['an absurd size', idx([0xffffffff, 0xffffffff, 0xffffffff], [1]), images, /absurd size/],
  ])('refuses %s', (_, bytes, expected, message) => {
    expect(() => parse(bytes, expected)).toThrow(FormatError);
    expect(() => parse(bytes, expected)).toThrow(message);
    expect(() => parse(bytes, expected)).toThrow(/^\/data\/x: /);
  });
});

describe('readIdx', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ferrograd-idx-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function file(bytes: Uint8Array): string {
    const path = join(folder, 'images');
    writeFileSync(path, bytes);
    return path;
  }

  async function failure(path: string, expected = images): Promise<Error> {
    const error = await readIdx(path, expected).then(
      () => undefined,
      (e: Error) => e,
    );
    expect(error?.message.startsWith(`${path}: `), `got ${error}`).toBe(true);
    return error as Error;
  }

  it('reads plain and gzipped files alike', async () => {
    const bytes = idxImages(3);
    for (const form of [bytes, gzipSync(bytes), gzipSync(bytes, { level: 0 })]) {
      const { shape, data } = await readIdx(file(form), images);
      expect(shape).toEqual([3, 28, 28]);
      expect(Buffer.compare(data, bytes.subarray(16))).toBe(0);
    }
  });

  it('says which file is missing or unreadable, with the cause', async () => {
    const missing = await failure(join(folder, 'none'));
    expect(missing).toBeInstanceOf(DataError);
    expect((missing.cause as NodeJS.ErrnoException).code).toBe('ENOENT');
    mkdirSync(join(folder, 'sub'));
    const directory = await failure(join(folder, 'sub'));
    expect(directory).toBeInstanceOf(DataError);
    expect(directory.message).toContain('expected a file');
  });

  it.each<[string, (good: Buffer) => Uint8Array, RegExp]>([
    ['empty', () => new Uint8Array(0), /the file is empty/],
    ['gzip of nothing', () => gzipSync(new Uint8Array(0)), /the file is empty/],
    ['truncated', (good) => good.subarray(0, 1000), /truncated: the header promises/],
    ['truncated gzip', (good) => gzipSync(good).subarray(0, -20), /truncated gzip file; get it again/],
    ['gzip cut in its first bytes', (good) => gzipSync(good).subarray(0, 12), /truncated gzip file/],
    ['gzip header only', () => Buffer.from([0x1f, 0x8b]), /truncated gzip file/],
    [
      'gzip of a truncated file',
      (good) => gzipSync(good.subarray(0, 1000)),
      /truncated: the header promises/,
    ],
    [
      'gzip with trailing data',
      (good) => gzipSync(Buffer.concat([good, good])),
      /trailing bytes: .*unpacks to more/,
    ],
  ])('refuses a file that is %s', async (_, form, message) => {
    const error = await failure(file(form(idxImages(5))));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
  });

  it('names corrupt gzip data, with the cause', async () => {
    const bytes = gzipSync(idxImages(50));
    bytes[bytes.length - 6] = (bytes[bytes.length - 6] as number) ^ 0xff; // the checksum
    const error = await failure(file(bytes));
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(/corrupt gzip file \(incorrect data check\)/);
    expect((error.cause as NodeJS.ErrnoException).code).toBe('Z_DATA_ERROR');
  });

  it.each<[string, readonly number[], RegExp]>([
    ['more than its header says', [10, 28, 28], /trailing bytes: .*unpacks to more/],
    ['an absurd size', [0xffffffff, 28, 28], /absurd size/],
    ['more than so few bytes can hold', [2_000_000, 28, 28], /truncated: \d+ gzipped bytes cannot hold/],
  ])('does not unpack a gzip bomb that promises %s', async (_, shape, message) => {
    const bomb = gzipSync(idx(shape, new Uint8Array(200_000_000)), { level: 9 });
    expect(bomb.length).toBeLessThan(250_000);
    const path = file(bomb);
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
    }, 1);
    const error = await failure(path);
    clearInterval(watch);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
    expect(peak).toBeLessThan(20_000_000);
  });
});
