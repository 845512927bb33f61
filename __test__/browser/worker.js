/** Trains as many steps as it is told, first in one synchronous loop, and tells the losses. */
import { trainBothWays } from './program.js'; // what all platforms train, which the test puts here

self.addEventListener('message', async ({ data }) => {
  self.postMessage(await trainBothWays(data.steps).catch((error) => ({ error: String(error) })));
});
