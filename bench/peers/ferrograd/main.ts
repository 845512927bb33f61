/** ferrograd as its users call it; the argument says in which of its ways, where there are several. */
import { argv, version as node } from 'node:process';
import { backend } from 'ferrograd';
import type { Way } from '../../peers.js';
import { type Open, serve } from '../serve.js';
import { latency } from './latency.js';
import { matmul, operation, update } from './operations.js';
import { compiledTraining, explicitLoop } from './training.js';
import { evaluation, forward, prediction } from './using.js';

const ways: Record<Way, Record<string, Open>> = {
  eager: { train: explicitLoop, predict: forward, matmul, operation, update },
  compiled: { train: compiledTraining, predict: prediction, evaluate: evaluation, latency },
};

const { isa, version } = backend();
await serve({ version, isa, node }, ways[argv[2] as Way]);
