/** What is measured: the work as every peer is told of it, and what the tables say of it. */

/** Images as plain files: bytes, and labels of int32. */
export interface Data {
  images: string;
  labels: string;
  count: number;
}

/** How steps are taken: the options that are not named are PyTorch's defaults. */
export type Optimizer = { name: 'sgd'; lr: number; momentum: number } | { name: 'adam'; lr: number };

/** Training with softmax cross-entropy: the loop as users write it, loss read at every step, or `train`. */
export interface Train {
  program: 'train';
  /** Sizes of the dense layers, input first. */
  layers: number[];
  /** Between the layers. */
  activation: 'none' | 'relu';
  batch: number;
  optimizer: Optimizer;
  /** null: one fixed batch, again and again. */
  data: Data | null;
  threads: number;
}

/** The share of all images that a net with the first weights gets right. */
export interface Evaluate {
  program: 'evaluate';
  layers: number[];
  batch: number;
  data: Data;
  threads: number;
}

/** C[m, n] = A[m, k] · B[k, n]; where transposed, A lies in memory as [k, m], and B as [n, k]. */
export interface Matmul {
  program: 'matmul';
  m: number;
  k: number;
  n: number;
  transposeA: boolean;
  transposeB: boolean;
  threads: number;
}

/** One eager operation on filled tensors, no gradients. */
export interface Operation {
  program: 'operation';
  name: 'add' | 'mul' | 'relu' | 'exp' | 'gelu' | 'softmax' | 'sum' | 'sumRows' | 'sumColumns';
  shape: [rows: number, columns: number];
  threads: number;
}

/** One step of the optimizer over parameters of these sizes, which have gradients. */
export interface Update {
  program: 'update';
  sizes: number[];
  optimizer: Optimizer;
  threads: number;
}

/** The most likely class of each of a batch of inputs, as numbers in the language's own hands. */
export interface Predict {
  program: 'predict';
  layers: number[];
  batch: number;
  /** The batch is made of its first images. */
  data: Data;
  threads: number;
}

/** How long something that happens meanwhile waits for the event loop. */
export interface Latency {
  program: 'latency';
  /** What goes on; null: nothing, which tells what the machine itself costs. */
  train: Train | null;
  threads: number;
}

/** Multiply-adds on registers, the yardstick of arithmetic; and a = b × s + c, that of memory. Of the native peer. */
export type Yardstick =
  | { program: 'peak'; threads: number }
  | { program: 'triad'; bytes: number; threads: number };

/** From starting the program to the end of its first step of training. */
export interface Start {
  program: 'start';
  /** As many as each takes by itself. */
  threads: 0;
}

export type Program = Train | Evaluate | Matmul | Operation | Update | Predict | Latency | Start | Yardstick;

/** A line of the tables. */
export interface Case {
  suite: string;
  name: string;
  /** Cases of a group are summed up in one line for each peer. */
  group?: string;
  /** Cases of a series are the same work at several sizes, drawn as a curve. */
  series?: { name: string; size: number };
  program: Program;
  /** What the time is given for: so many runs of the program. */
  unit: { name: string; runs: number };
  /** Floating-point operations of a run; the table then gives the share of the peak. */
  flops?: number;
  /** Bytes that a run must move; the table then gives the share of the bandwidth at that size. */
  bytes?: number;
  /** Bytes that it works on, where it writes what it has read: these decide in which cache it is. */
  resident?: number;
  /** By the names of peers.ts. Those that cannot are left out, and named. */
  peers: string[];
}

/** Multiplications and additions of one step: forward, and two products backward except for the input. */
export function trainingFlops(layers: readonly number[], batch: number): number {
  let total = 0;
  for (const [i, width] of layers.slice(1).entries()) {
    total += 2 * batch * (layers[i] as number) * width * (i === 0 ? 2 : 3);
  }
  return total;
}

/** Of all weights and biases. */
export function parameterSizes(layers: readonly number[]): number[] {
  return layers.slice(1).flatMap((width, i) => [(layers[i] as number) * width, width]);
}
