/** Trains in one synchronous loop as many steps as it is told, and tells the losses. */
import { train } from './train.js';

self.addEventListener('message', ({ data }) => self.postMessage(train(data.steps)));
