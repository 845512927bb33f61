/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { Failure } from '../scripts/command.js';

export const suiteNames = [
  'seed',
  'mlp',
  'evaluate',
  'predict',
  'start',
  'latency',
  'tiny',
  'ops',
  'gemm',
  'scaling',
] as const;
export type SuiteName = (typeof suiteNames)[number];

/** Without ferrograd itself, in all its ways, and `kernel`, which always take part. */
export const peerNames = ['torch', 'numpy', 'gemm', 'jax-js', 'tfjs-wasm'] as const;

export const help = `Compares ferrograd with its peers, in turns, in one run.

  npm run bench -- [suite…] [options]

  suites: ${suiteNames.join(', ')} (default: all)

  --isa NAME        instruction set that ferrograd is to use: avx512, avx2, neon, portable
  --cap-peers       the peers too are to use no more than that (default: they use the best they have)
  --threads N[,N]   numbers of threads to measure with (default: 2 and 1)
  --peers A[,B]     of ${peerNames.join(', ')}; none for ferrograd alone (default: all that are installed)
  --quote           the few cases that claims rest on, instead of suites
  --case TEXT       only cases whose name contains it
  --json FILE       write what was measured, too
  --quick           few and short turns: to try things out, not to be quoted
  --help            this text
`;

export interface Options {
  suites: SuiteName[];
  isa: string | undefined;
  capPeers: boolean;
  threads: number[];
  peers: string[];
  /** The cases of `quote.ts` alone. */
  quote: boolean;
  filter: string;
  json: string | undefined;
  quick: boolean;
}

/** @throws Failure that says what is wrong with the command line. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  let parsed: ReturnType<typeof parse>;
  const parse = () =>
    parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        isa: text,
        'cap-peers': flag,
        threads: text,
        peers: text,
        quote: flag,
        case: text,
        json: text,
        quick: flag,
        help: flag,
      },
    });
  try {
    parsed = parse();
  } catch (error) {
    throw new Failure((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const peers = values.peers === undefined ? [...peerNames] : values.peers.split(',');
  const threads = (values.threads ?? '2,1').split(',').map(Number);
  if (!threads.every((n) => Number.isInteger(n) && n > 0)) {
    throw new Failure(`--threads: expected whole numbers from 1 on, got ${values.threads}`);
  }
  if (values.quote && positionals.length > 0) throw new Failure('--quote: has its own cases; name no suites');
  if (values['cap-peers'] && !values.isa) throw new Failure('--cap-peers: needs --isa');
  return {
    suites: chosen('suite', positionals, suiteNames),
    isa: values.isa,
    capPeers: values['cap-peers'] ?? false,
    threads,
    peers: values.peers === 'none' ? [] : chosen('peer', peers, peerNames),
    quote: values.quote ?? false,
    filter: values.case ?? '',
    json: values.json,
    quick: values.quick ?? false,
  };
}

function chosen<T extends string>(what: string, wanted: readonly string[], all: readonly T[]): T[] {
  const unknown = wanted.find((name) => !all.includes(name as T));
  if (unknown !== undefined) throw new Failure(`no ${what} ${unknown}: there are ${all.join(', ')}`);
  return wanted.length > 0 ? (wanted as T[]) : [...all];
}
