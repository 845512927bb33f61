/** IDX bytes for the tests. */

/** An IDX array of uint8 whose header says `shape`, whatever `data` holds. */
export function idx(shape: readonly number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  for (const [i, n] of shape.entries()) header.writeUInt32BE(n, 4 + 4 * i);
  return Buffer.concat([header, Uint8Array.from(data)]);
}

/** `n` images of 28 × 28; pixel p of image i is (i + p) % 256. */
export function idxImages(n: number): Buffer {
  return idx(
    [n, 28, 28],
    Array.from({ length: n * 784 }, (_, at) => (Math.floor(at / 784) + (at % 784)) % 256),
  );
}
