/** Lets the WebAssembly module run out of memory, and writes what the calls after that throw. */
import { stdout } from 'node:process';
import { tensor } from 'ferrograd';

const side = 46_000;
const errors: { name: string; code: string; message: string }[] = [];
// A row of one number, looked at as a matrix: it takes no memory until an operation wants it laid out.
const matrix = tensor([1]).expand([side, side]);
for (const call of [() => matrix.logSumExp(1), () => tensor([1]).add(1), () => tensor([1, 2]).sum()]) {
  try {
    call();
  } catch (error) {
    const { name, code, message } = error as Error & { code: string };
    errors.push({ name, code, message });
  }
}
stdout.write(JSON.stringify(errors));
