/**
 * Trains in a folder where ferrograd is installed, and writes to the file named what computed and the loss of every step.
 *
 *   node train.mjs STEPS FILE
 */
import { writeFileSync } from 'node:fs';
import { trainBothWays } from './program.js';

const [steps = '300', file = 'losses.json'] = process.argv.slice(2);
writeFileSync(file, JSON.stringify(await trainBothWays(Number(steps))));
