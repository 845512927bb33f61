/** Lets a worker train, watches how the page's own thread gets on meanwhile, and reports both to the server. */
import { tensor } from 'ferrograd';

/** @param {object} report */
const send = (report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) });

try {
  const sum = tensor([1, 2, 3]).sum().item();
  const steps = Number(new URLSearchParams(location.search).get('steps'));
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const start = performance.now();
  let [last, ticks, longest] = [start, 0, 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    ticks++;
  }, 10);
  worker.addEventListener('message', ({ data }) => {
    clearInterval(timer);
    send({ ...data, sum, ticks, longest, milliseconds: performance.now() - start });
  });
  worker.addEventListener('error', (event) => send({ error: event.message ?? 'the worker does not load' }));
  worker.postMessage({ steps });
} catch (error) {
  send({ error: String(error) });
}
