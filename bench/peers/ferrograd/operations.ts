/** Eager operations by themselves. */
import { nn, setNumThreads, type Tensor, tensor } from 'ferrograd';
import type { Matmul, Operation, Update } from '../../case.js';
import { CHECKED_STEPS, filled, type Opened, repeat } from '../serve.js';
import { optimizerOf } from './net.js';

const sumOfAbs = (x: Tensor): number =>
  (x.data as Float32Array).reduce((sum, value) => sum + Math.abs(value), 0);

export function matmul({ m, k, n, transposeA, transposeB, threads }: Matmul): Opened {
  setNumThreads(threads);
  const matrix = (rows: number, columns: number, transposed: boolean, seed: number): Tensor => {
    const data = filled(rows * columns, seed);
    return transposed
      ? tensor(data, { shape: [columns, rows] }).t()
      : tensor(data, { shape: [rows, columns] });
  };
  const a = matrix(m, k, transposeA, 1);
  const b = matrix(k, n, transposeB, 2);
  return { check: sumOfAbs(a.matmul(b)), run: repeat(() => a.matmul(b)) };
}

export function operation({ name, shape, threads }: Operation): Opened {
  setNumThreads(threads);
  const x: Tensor = tensor(filled(shape[0] * shape[1], 1), { shape });
  const y: Tensor = tensor(filled(shape[0] * shape[1], 2), { shape });
  const calls: Record<Operation['name'], () => Tensor> = {
    add: () => x.add(y),
    mul: () => x.mul(y),
    relu: () => x.relu(),
    exp: () => x.exp(),
    gelu: () => x.gelu(),
    softmax: () => x.softmax(1),
    sum: () => x.sum(),
    sumRows: () => x.sum(1),
    sumColumns: () => x.sum(0),
  };
  return { check: sumOfAbs(calls[name]()), run: repeat(calls[name]) };
}

export function update({ sizes, optimizer: options, threads }: Update): Opened {
  setNumThreads(threads);
  const parameters = sizes.map((size, i) => {
    const parameter = new nn.Parameter(tensor(filled(size, i), { shape: [size] }));
    parameter.grad = tensor(filled(size, i + 1), { shape: [size] });
    return parameter;
  });
  const optimizer = optimizerOf(parameters, options);
  for (let i = 0; i < CHECKED_STEPS; i++) optimizer.step();
  const check = parameters.reduce((sum, parameter) => sum + sumOfAbs(parameter), 0);
  return { check, run: repeat(() => optimizer.step()) };
}
