/** The binding in browsers: the WebAssembly module, which is part of this very file once it is bundled. */
import { inflateSync } from 'fflate';
import type { Native } from '../binding.js';
import { instantiate } from '../wasm/binding.js';
import deflated from './ferrograd.wasm';

export type { Native } from '../binding.js';

/** What {@link native} was made from. */
export const binary = 'WebAssembly';

// At once, not awaited: a module that awaits cannot be bundled for every kind of worker.
export const native: Native = instantiate(new WebAssembly.Module(inflateSync(deflated)));
