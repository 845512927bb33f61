/**
 * Tracing: which operations a model consists of.
 *
 * The program is run on tensors of which only type and shape are known. What is made of them is not computed; looking
 * at such a value ends the trace, as does everything else that no plan could repeat. So nothing in a trace depends on
 * the batch, and it costs the same whatever the batch's size.
 */
import { grads, Node } from '../autograd.js';
import { allocate } from '../dtype.js';
import type { Prepared } from '../engine.js';
import { StateError } from '../errors.js';
import type { Module } from '../nn/module.js';
import { Parameter } from '../nn/parameter.js';
import type { Generator } from '../random.js';
import { formatShape } from '../shape.js';
import type { Storage } from '../storage.js';
import { Tensor } from '../tensor.js';
import { type Tracer, tracing } from '../tracing.js';
import { Fields } from './fields.js';
import { type Constant, copyOf, Graph, type GraphNode, type Leaf, type TensorType } from './graph.js';

/** Thrown through the traced program, to end it. */
class Untraceable extends Error {}

/** What is wanted of a program; tensors that it made. */
export interface Results {
  readonly output?: Tensor | undefined;
  readonly loss?: Tensor | undefined;
  readonly metrics?: readonly { readonly name: string; readonly output: Tensor; readonly target: Tensor }[];
}

/** What can be traced. */
export interface Program {
  /** The modules whose fields must not change. */
  readonly modules: readonly Module[];
  /** The parameters of the model, in their order. */
  readonly parameters: readonly Parameter[];
  /** Whether the gradient of the loss will be wanted. */
  readonly train: boolean;
  /** Runs the program on a batch. */
  run(batch: readonly Tensor[]): Results;
}

/** The values are leaves by their number, and results of nodes by −1 − their number, until the number of leaves is known. */
class Trace implements Tracer {
  failure: string | undefined;
  readonly generators = new Map<Generator, number>();
  private readonly leaves: Leaf[] = [];
  private readonly nodes: GraphNode[] = [];
  private readonly constants: Tensor[] = [];
  private readonly values = new Map<Tensor, number>();
  private readonly unknown: Set<Tensor>;
  private readonly made: Tensor[] = [];
  private readonly ofParameters: Set<Storage>;
  private readonly counts = { input: 0, parameter: 0, constant: 0, seed: 0 };
  private drawn = 0;

  constructor(private readonly program: Program) {
    this.unknown = new Set(program.parameters);
    this.ofParameters = new Set(program.parameters.map(({ storage }) => storage));
  }

  /** A tensor of the batch. */
  input({ dtype, shape }: TensorType): Tensor {
    const elements = shape.reduce((product, size) => product * size, 1);
    const tensor = new Tensor(allocate(dtype, elements), dtype, Object.freeze([...shape]));
    this.leaf('input', tensor);
    this.made.push(tensor);
    this.unknown.add(tensor);
    return tensor;
  }

  isUnknown(inputs: readonly Tensor[]): boolean {
    return inputs.some((input) => this.unknown.has(input));
  }

  applied(call: Prepared, inputs: readonly Tensor[], output: Tensor): void {
    if (!this.isUnknown(inputs)) return; // it was computed: another constant
    this.made.push(output);
    this.unknown.add(output);
    const detached: number[] = [];
    inputs.forEach((input, i) => {
      if (!((call.differentiable >> i) & 1)) return;
      if (input.requiresGrad && grads.enabled) this.checkSource(input);
      else detached.push(i);
    });
    this.nodes.push({
      op: call.op,
      attributes: call.attributes,
      inputs: inputs.map((input) => this.number(input)),
      detached: this.program.train ? detached : [],
    });
    this.values.set(output, -this.nodes.length);
  }

  detached(source: Tensor, result: Tensor): void {
    if (!this.unknown.has(source)) return;
    this.made.push(result);
    this.unknown.add(result);
    this.values.set(result, this.number(source));
  }

  keyed(stream: Tensor): void {
    this.unknown.add(stream);
    this.leaf('seed', stream);
  }

  draws(generator: Generator): void {
    if (!this.generators.has(generator)) this.generators.set(generator, generator.position);
    this.drawn++;
  }

  reads(tensor: Tensor, what: string): void {
    if (this.unknown.has(tensor) || this.ofParameters.has(tensor.storage)) {
      this.refuse(`looks at the elements of a tensor, with ${what}`);
    }
  }

  refuse(what: string): never {
    this.failure ??= what;
    throw new Untraceable(what);
  }

  /** The graph, once the program has run. */
  graph({ output, loss, metrics = [] }: Results): Graph {
    const ends = [output, loss].map((end) => (end ? this.number(end) : null));
    const judged = metrics.map(({ name, output, target }) => ({
      name,
      output: this.number(output),
      target: this.number(target),
    }));
    const { parameters, train } = this.program;
    if (train && this.ofParameters.size < parameters.length) this.refuse('has parameters that share memory');
    if (this.drawn !== this.counts.seed) this.refuse('draws random numbers other than for dropout');
    const leaves = this.leaves.length;
    const final = (value: number) => (value < 0 ? leaves - 1 - value : value);
    const finalOrNone = (value: number | null | undefined) =>
      typeof value === 'number' ? final(value) : null;
    return new Graph(
      this.leaves,
      this.nodes.map((node) => ({ ...node, inputs: node.inputs.map(final) })),
      {
        output: finalOrNone(ends[0]),
        loss: finalOrNone(ends[1]),
        train,
        metrics: judged.map(({ name, output, target }) => ({
          name,
          output: final(output),
          target: final(target),
        })),
      },
      this.constants.map(capture),
      output && { dtype: output.dtype, shape: output.shape },
    );
  }

  /** Takes the elements away from all that was not computed: whoever kept such a tensor must not take it for one. */
  end(): void {
    for (const tensor of this.made) tensor[Symbol.dispose]();
  }

  /** A gradient flows to what operations made and to parameters: no other leaf gets one from a plan. */
  private checkSource(tensor: Tensor): void {
    if (this.ofParameters.has(tensor.storage) || (this.unknown.has(tensor) && tensor.node)) return;
    if (!this.unknown.has(tensor)) throw unlisted(tensor);
    this.refuse('wants the gradient of what it has detached, or of a part of the batch');
  }

  private number(tensor: Tensor): number {
    const known = this.values.get(tensor);
    if (known !== undefined) return known;
    const { parameters, train } = this.program;
    const index = this.unknown.has(tensor) ? parameters.indexOf(tensor as Parameter) : -1;
    if (index >= 0) return this.leaf('parameter', tensor, index);
    if (this.ofParameters.has(tensor.storage)) {
      this.refuse('uses a tensor that shares memory with a parameter');
    }
    if (train && tensor.requiresGrad && grads.enabled) throw unlisted(tensor);
    this.constants.push(tensor);
    return this.leaf('constant', tensor);
  }

  private leaf(kind: Leaf['kind'], tensor: Tensor, index = this.counts[kind]): number {
    this.counts[kind]++;
    const { dtype, shape, requiresGrad } = tensor;
    const trainable = kind === 'parameter' ? { trainable: requiresGrad } : {};
    this.leaves.push({ kind, index, dtype, shape, ...trainable });
    const number = this.leaves.length - 1;
    this.values.set(tensor, number);
    return number;
  }
}

/** The elements of a constant, which may be written to later. */
function capture(tensor: Tensor): Constant {
  const { storage } = tensor;
  return { elements: copyOf(tensor), storage, version: storage.version };
}

/** A leaf that `tensor` was computed from. */
function leafOf(tensor: Tensor): Tensor {
  let source: Node | Tensor | undefined = tensor.node ?? tensor;
  while (source instanceof Node) source = source.edges.find((edge) => edge.source)?.source;
  return source ?? tensor;
}

function unlisted(tensor: Tensor): StateError {
  const leaf = leafOf(tensor);
  const what = leaf instanceof Parameter ? 'a parameter' : 'a tensor that requires a gradient';
  return new StateError(
    `train: forward uses ${what} of shape ${formatShape(leaf.shape)} that model.parameters() does not list; ` +
      'make it a Parameter in a field of the model, and not in a private #field or a Map, or detach it',
  );
}

function once(
  program: Program,
  types: readonly TensorType[],
  generators: Map<Generator, number>,
): Graph | string {
  const trace = new Trace(program);
  tracing.by = trace;
  try {
    const graph = trace.graph(program.run(types.map((type) => trace.input(type))));
    return trace.failure ?? graph;
  } catch (error) {
    if (trace.failure !== undefined) return trace.failure;
    throw error;
  } finally {
    tracing.by = undefined;
    trace.end();
    for (const [generator, position] of trace.generators) {
      if (!generators.has(generator)) generators.set(generator, position);
    }
  }
}

/**
 * The graph of `program` for batches of these types; or in words why it has none, to be read after "forward". It is
 * traced twice, and must do the same both times. Fields and random streams are afterwards as they were.
 *
 * @throws what the program throws for such a batch; StateError where it uses a parameter that the model does not list.
 */
export function trace(program: Program, types: readonly TensorType[]): Graph | string {
  const fields = new Fields(program.modules);
  const generators = new Map<Generator, number>();
  let traced: Graph | string | undefined;
  try {
    traced = once(program, types, generators);
    if (typeof traced === 'string') return traced;
    // A mask that is made in the first call and kept is no change: what counts is whether the second call makes one.
    const between = new Fields(program.modules);
    const again = once(program, types, generators);
    const changed = between.changed();
    if (typeof again === 'string') traced = again;
    else if (changed) traced = `changes the model, in ${changed}`;
    else traced = traced.difference(again) ?? traced;
    return traced;
  } finally {
    if (!(traced instanceof Graph)) fields.restore();
    for (const [generator, position] of generators) generator.moveTo(position);
  }
}
