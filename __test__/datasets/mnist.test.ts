import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { ArgumentError, DataError, datasets, FormatError, IndexError, type Tensor } from 'ferrograd';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idx, idxImages } from './idxFiles.js';
import { mnistFolder } from './mnistFolder.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ferrograd-mnist-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const labels = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8];
const imagesFile = 'train-images-idx3-ubyte';
const labelsFile = 'train-labels-idx1-ubyte';

function write(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), bytes);
}

function writeSet(
  prefix = '',
  images = idxImages(labels.length),
  answers = idx([labels.length], labels),
): void {
  write(`${prefix}${imagesFile}`, images);
  write(`${prefix}${labelsFile}`, answers);
}

async function failure(options: Partial<datasets.MNISTOptions> = {}): Promise<Error> {
  const error = await datasets.MNIST({ root, ...options }).then(
    () => undefined,
    (e: Error) => e,
  );
  expect(error).toBeInstanceOf(Error);
  return error as Error;
}

describe('MNIST from a folder', () => {
  it.each<[string, (bytes: Buffer) => Buffer, string, string]>([
    ['torchvision’s layout', (b) => b, `MNIST/raw/${imagesFile}`, `MNIST/raw/${labelsFile}`],
    ['torchvision’s layout, gzipped', gzipSync, `MNIST/raw/${imagesFile}.gz`, `MNIST/raw/${labelsFile}.gz`],
    ['a flat folder', (b) => b, imagesFile, labelsFile],
    ['a flat folder, gzipped', gzipSync, `${imagesFile}.gz`, `${labelsFile}.gz`],
    ['the dotted names', (b) => b, 'train-images.idx3-ubyte', 'train-labels.idx1-ubyte'],
    ['the dotted names, gzipped', gzipSync, 'train-images.idx3-ubyte.gz', 'train-labels.idx1-ubyte.gz'],
  ])('reads %s', async (_, form, imagesPath, labelsPath) => {
    write(imagesPath, form(idxImages(labels.length)));
    write(labelsPath, form(idx([labels.length], labels)));
    const data = await datasets.MNIST({ root, download: true, mirrors: ['http://127.0.0.1:1/'] });
    expect(data.length).toBe(12);
    expect(data.classes).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    const [image, label] = data.get(5);
    expect(label).toBe(9);
    expect(image.dtype).toBe('uint8');
    expect(image.shape).toEqual([28, 28]);
    expect([...image.data.slice(0, 3)]).toEqual([5, 6, 7]);
  });

  it('prefers torchvision’s layout, and keeps training and test set apart', async () => {
    writeSet('MNIST/raw/');
    writeSet('', idxImages(2), idx([2], [0, 0]));
    write('t10k-images-idx3-ubyte', idxImages(3));
    write('t10k-labels-idx1-ubyte', idx([3], [7, 8, 9]));
    expect((await datasets.MNIST({ root })).length).toBe(12);
    expect((await datasets.MNIST({ root, train: true })).length).toBe(12);
    const test = await datasets.MNIST({ root, train: false });
    expect([0, 1, 2].map((i) => test.get(i)[1])).toEqual([7, 8, 9]);
  });

  it('applies the transforms', async () => {
    writeSet();
    const seen: Tensor[] = [];
    const transform = (image: Tensor) => {
      seen.push(image);
      return image;
    };
    const data = await datasets.MNIST({ root, transform, targetTransform: (label) => label + 100 });
    const [image, label] = data.get(0);
    expect(seen).toEqual([image]);
    expect(label).toBe(103);
  });

  it('refuses indices that are not there', async () => {
    writeSet();
    const data = await datasets.MNIST({ root });
    for (const index of [-1, 12, 0.5, Number.NaN]) {
      expect(() => data.get(index)).toThrow(IndexError);
      expect(() => data.get(index)).toThrow(`no item ${index}, items are 0 to 11`);
    }
  });

  it.skipIf(!mnistFolder)('reads the real one', async () => {
    const data = await datasets.MNIST({ root: mnistFolder as string });
    expect(data.length).toBe(60_000);
    expect(Array.from({ length: 10 }, (_, i) => data.get(i)[1])).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    const test = await datasets.MNIST({ root: mnistFolder as string, train: false });
    expect(test.length).toBe(10_000);
    const [image, label] = test.get(0);
    expect(label).toBe(7);
    expect([...image.data].reduce((sum, pixel) => sum + pixel, 0)).toBe(18_454);
  });
});

describe('MNIST from a bad folder', () => {
  it('without the files says what was looked for, where, and what to do', async () => {
    const error = await failure();
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(
      `MNIST: train-images-idx3-ubyte and train-labels-idx1-ubyte not found in ${join(root, 'MNIST', 'raw')} nor in ` +
        `${root} (nor with .gz, nor as train-images.idx3-ubyte): put the files there, or pass download: true`,
    );
    write(imagesFile, idxImages(1));
    expect((await failure()).message).toMatch(/^MNIST: train-labels-idx1-ubyte not found/);
    expect((await failure({ train: false })).message).toMatch(
      /^MNIST: t10k-images-idx3-ubyte and t10k-labels/,
    );
    expect((await failure({ root: join(root, 'none') })).message).toMatch(/not found in .*none/);
  });

  it.each<[string, Uint8Array, Uint8Array, RegExp]>([
    [
      'swapped files',
      idx([2], [1, 2]),
      idxImages(2),
      /images-idx3-ubyte: expected .*images.*got labels.*swapped\?/,
    ],
    ['counts that differ', idxImages(3), idx([2], [1, 2]), /has 3 images, .*labels-idx1-ubyte has 2 labels/],
    [
      'a label out of range',
      idxImages(2),
      idx([2], [1, 10]),
      /labels-idx1-ubyte: label 10 at 1 is not in 0\.\.9/,
    ],
    [
      'images of another size',
      idx([1, 2, 2], [1, 2, 3, 4]),
      idx([1], [1]),
      /expected images of 28 × 28, got 2 × 2/,
    ],
    ['truncated images', idxImages(2).subarray(0, -1), idx([2], [1, 2]), /images-idx3-ubyte: truncated/],
    ['empty labels', idxImages(2), new Uint8Array(0), /labels-idx1-ubyte: the file is empty/],
  ])('refuses %s', async (_, images, answers, message) => {
    write(imagesFile, images);
    write(labelsFile, answers);
    const error = await failure();
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(root)).toBe(true);
  });

  it('refuses the files of Fashion-MNIST, which have the same names', async () => {
    writeSet('', idxImages(12), idx([12], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9]));
    const error = await failure();
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/these are the labels of FashionMNIST, not of MNIST/);
    const fashion = await datasets.FashionMNIST({ root });
    expect(fashion.classes[fashion.get(0)[1]]).toBe('Ankle boot');
  });

  // Root may read everything: there the test steps down to nobody.
  const asRoot = process.geteuid?.() === 0;
  it.skipIf(process.platform === 'win32')('names what it may not read, with the cause', async () => {
    writeSet();
    chmodSync(root, 0o755);
    chmodSync(join(root, labelsFile), 0o000);
    if (asRoot) process.seteuid?.(65534);
    try {
      const error = await failure();
      expect(error).toBeInstanceOf(DataError);
      expect(error.message).toContain(`${join(root, labelsFile)}: cannot be read: EACCES`);
      expect((error.cause as NodeJS.ErrnoException).code).toBe('EACCES');
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
    chmodSync(root, 0o000);
    if (asRoot) process.seteuid?.(65534);
    try {
      expect((await failure()).message).toMatch(/train-images-idx3-ubyte: cannot be looked for: EACCES/);
    } finally {
      if (asRoot) process.seteuid?.(0);
      chmodSync(root, 0o755);
    }
  });

  it.each<[string, object, RegExp]>([
    ['no root', { root: undefined }, /root must be the path of a folder, got undefined/],
    ['an empty root', { root: '' }, /root must be the path/],
    [
      'an option that does not exist',
      { trian: false },
      /MNIST: unknown option "trian", expected root, train/,
    ],
    ['a split by name', { train: 'test' }, /train must be true or false, got "test"/],
    ['no mirrors', { mirrors: [] }, /mirrors is empty/],
    ['a mirror that is no URL', { mirrors: ['example'] }, /must be http or https URLs, got example/],
    ['a mirror that is a file', { mirrors: ['file:///data/'] }, /must be http or https URLs, got file:/],
  ])('refuses %s', async (_, options, message) => {
    const error = await failure(options);
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error.message).toMatch(message);
  });
});

describe('MNIST by download', () => {
  let server: Server;
  let origin: string;
  let asked: string[];
  let files: Map<string, Uint8Array>;
  beforeEach(async () => {
    asked = [];
    files = new Map();
    server = createServer((request, response) => {
      asked.push(request.url as string);
      const bytes = files.get(request.url as string);
      response.writeHead(bytes ? 200 : 404).end(bytes);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });

  const realFile = (name: string) =>
    [name, join('MNIST', 'raw', name)]
      .map((path) => join(mnistFolder ?? '', path))
      .find((path) => mnistFolder && existsSync(path));
  const testFiles = ['t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz'];

  it.skipIf(!testFiles.every(realFile))(
    'goes to torchvision’s folder, once, past a mirror that fails',
    async () => {
      for (const name of testFiles) files.set(`/good/${name}`, readFileSync(realFile(name) as string));
      const options = { root, train: false, download: true, mirrors: [`${origin}/bad`, `${origin}/good/`] };
      const warned: Error[] = [];
      const listen = (warning: Error) => warned.push(warning);
      process.on('warning', listen);
      const [first, second] = await Promise.all([datasets.MNIST(options), datasets.MNIST(options)]);
      expect(first.length).toBe(10_000);
      expect(second.length).toBe(10_000);
      await datasets.MNIST(options);
      await new Promise(setImmediate);
      process.off('warning', listen);
      expect(asked).toEqual(testFiles.flatMap((name) => [`/bad/${name}`, `/good/${name}`]));
      for (const name of testFiles) expect(existsSync(join(root, 'MNIST', 'raw', name))).toBe(true);
      expect(warned.map(({ name }) => name)).toEqual(['DownloadWarning', 'DownloadWarning']);
      expect(warned[0]?.message).toMatch(
        /\/bad\/t10k-images-idx3-ubyte.gz: HTTP 404 Not Found; trying http.*\/good\//,
      );
    },
  );

  it('gets only what is missing, and never takes wrong bytes', async () => {
    write(`MNIST/raw/${imagesFile}`, idxImages(12));
    files.set(`/${labelsFile}.gz`, Buffer.alloc(28_881, 1));
    const error = await failure({ download: true, mirrors: [origin] });
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/train-labels-idx1-ubyte\.gz could not be downloaded:\n.*corrupt: MD5/);
    expect(asked).toEqual([`/${labelsFile}.gz`]);
    expect(existsSync(join(root, 'MNIST', 'raw', `${labelsFile}.gz`))).toBe(false);
  });

  it('stops when told to', async () => {
    const options = { root, download: true, mirrors: [origin], signal: AbortSignal.abort() };
    await expect(datasets.MNIST(options)).rejects.toMatchObject({ name: 'AbortError' });
    expect(asked).toEqual([]);
  });
});
