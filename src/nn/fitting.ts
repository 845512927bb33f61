/**
 * What the compiler knows of layers, so that a {@link Sequential} whose layers do not fit does not compile. Nothing
 * here exists at run time.
 */
import type { Shape } from '../shape.js';
import type { CanBe, Flattened, WithLast } from '../shapeTypes.js';
import type { Module } from './module.js';

/** The field, of the compiler's only, in which a layer says what it does to shapes; a module without may do anything. */
export declare const effect: unique symbol;

/** [..., In] becomes [..., Out]. */
export interface Maps<In extends number, Out extends number> {
  in: In;
  out: Out;
}

/** The shape stays as it is. */
export type Keeps = 'keeps';

/** As `flatten(Start, End)` does. */
export interface Flattens<Start extends number, End extends number> {
  start: Start;
  end: End;
}

/** What these layers do, one after another. */
export interface Chain<L extends readonly Module[]> {
  layers: L;
}

type EffectOf<M extends Module> = M extends { readonly [effect]: infer E } ? E : unknown;

/** The number of features that a layer takes; `number` if it may be any. */
type TakenBy<M extends Module> =
  EffectOf<M> extends Maps<infer In, number>
    ? In
    : EffectOf<M> extends Chain<infer L>
      ? FirstTaken<L>
      : number;

/** The number of features that layers take, one after another. */
export type FirstTaken<L extends readonly Module[]> = L extends readonly [
  infer First extends Module,
  ...infer Rest extends readonly Module[],
]
  ? EffectOf<First> extends Keeps
    ? FirstTaken<Rest>
    : TakenBy<First>
  : number;

/** The number of features that a layer gives when it takes `F`. */
type GivenBy<M extends Module, F extends number> =
  EffectOf<M> extends Keeps
    ? F
    : EffectOf<M> extends Maps<number, infer Out>
      ? Out
      : EffectOf<M> extends Chain<infer L>
        ? LastGiven<L, F>
        : number;

type LastGiven<L extends readonly Module[], F extends number> = L extends readonly [
  infer First extends Module,
  ...infer Rest extends readonly Module[],
]
  ? LastGiven<Rest, GivenBy<First, F>>
  : L extends readonly []
    ? F
    : number;

/** In the place of a layer that does not fit the one before it. */
export type Misfit<Given extends number, Taken extends number> = Module &
  `a layer that takes ${Given} features, as the one before it gives; this one takes ${Taken}`;

/** The layers `L`, but for a {@link Misfit} where one does not fit. */
export type Fitting<L extends readonly Module[], F extends number = number> = L extends readonly [
  infer First extends Module,
  ...infer Rest extends readonly Module[],
]
  ? CanBe<TakenBy<First>, F> extends true
    ? [First, ...Fitting<Rest, GivenBy<First, F>>]
    : [Misfit<F, TakenBy<First>>, ...Rest]
  : L;

/** What becomes of shape `S` in a layer. */
type After<M extends Module, S extends Shape> =
  EffectOf<M> extends Keeps
    ? S
    : EffectOf<M> extends Maps<number, infer Out>
      ? WithLast<S, Out>
      : EffectOf<M> extends Flattens<infer Start, infer End>
        ? Flattened<S, Start, End>
        : EffectOf<M> extends Chain<infer L>
          ? Through<L, S>
          : Shape;

/** What becomes of shape `S` in layers one after another. */
export type Through<L extends readonly Module[], S extends Shape> = L extends readonly [
  infer First extends Module,
  ...infer Rest extends readonly Module[],
]
  ? Through<Rest, After<First, S>>
  : L extends readonly []
    ? S
    : Shape;
