/** A worker that sends the time once a millisecond. */
import { parentPort } from 'node:worker_threads';

const never = new Int32Array(new SharedArrayBuffer(4));
for (;;) {
  Atomics.wait(never, 0, 0, 1);
  parentPort?.postMessage(process.hrtime.bigint());
}
