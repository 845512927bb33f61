import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/** The root of the real MNIST, where this machine has it: `FERROGRAD_DATA`, `./data` or `../shared/data/mnist`. */
export const mnistFolder: string | undefined = [
  process.env.FERROGRAD_DATA,
  join(checkout, 'data'),
  join(checkout, '..', 'shared', 'data', 'mnist'),
].find((root) => root && ['', 'MNIST/raw'].some((raw) => hasFiles(join(root, raw))));

function hasFiles(folder: string): boolean {
  return ['', '.gz'].some((end) => existsSync(join(folder, `t10k-images-idx3-ubyte${end}`)));
}
