/** A folder that looks like MNIST's, with a few generated digits in it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { datasets } from 'ferrograd';

/** The bytes of an IDX file. */
function idx(shape: number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x0800 + shape.length);
  shape.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, data]);
}

/** Writes `length` training and as many test images below `root`, laid out as torchvision does. */
export async function writeSmallMnist(root: string, length: number): Promise<void> {
  const raw = join(root, 'MNIST', 'raw');
  await mkdir(raw, { recursive: true });
  for (const train of [true, false]) {
    const prefix = train ? 'train' : 't10k';
    const { images, labels } = datasets.syntheticDigits({ train, length });
    await writeFile(join(raw, `${prefix}-images-idx3-ubyte`), idx([length, 28, 28], images));
    await writeFile(join(raw, `${prefix}-labels-idx1-ubyte`), idx([length], Uint8Array.from(labels)));
  }
}
