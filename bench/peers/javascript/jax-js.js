// @ts-nocheck its types are there only once it is installed
/** jax-js on WebAssembly, steps compiled by `jit`. */
import { readFileSync } from 'node:fs';
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { CHECKED_STEPS, filled, serve, weights } from '../serve.js';
import { batches } from './digits.js';

await init('wasm');
defaultDevice('wasm');

const net = (layers) =>
  weights(layers).map((weight, i) => ({
    weight: np
      .array(weight)
      .reshape([layers[i + 1], layers[i]])
      .transpose(),
    bias: np.zeros([layers[i + 1]]),
  }));

function forward(parameters, x, activation) {
  for (const [i, { weight, bias }] of parameters.entries()) {
    if (i > 0 && activation === 'relu') x = nn.relu(x);
    x = np.matmul(x, weight).add(bias);
  }
  return x;
}

async function train(program) {
  const { layers, activation, lr, momentum } = program;
  const classes = layers.at(-1);
  const meanLoss = (parameters, x, y) => {
    const logProbabilities = nn.logSoftmax(forward(parameters, x, activation), -1);
    const rows = y.shape[0];
    return logProbabilities
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / rows);
  };
  const update = jit((parameters, velocities, x, y) => {
    const [loss, gradients] = valueAndGrad(meanLoss)(tree.ref(parameters), x, y);
    if (momentum > 0) velocities = tree.map((v, g) => v.mul(momentum).add(g), velocities, gradients);
    const directions = momentum > 0 ? tree.ref(velocities) : gradients;
    return [tree.map((p, d) => p.sub(d.mul(lr)), parameters, directions), velocities, loss];
  });

  let parameters = net(layers);
  let velocities = momentum > 0 ? tree.map((p) => np.zeros(p.shape), tree.ref(parameters)) : [];
  const steps = async (source, times) => {
    let runningLoss = 0;
    for (let i = 0; i < times; i++) {
      const { x, y, rows } = source.next().value;
      let loss;
      [parameters, velocities, loss] = update(
        parameters,
        velocities,
        np.array(x).reshape([rows, layers[0]]),
        np.array(y, { dtype: np.int32 }),
      );
      runningLoss += (await loss.data())[0];
    }
    return runningLoss;
  };
  const check = (await steps(batches(program, false), CHECKED_STEPS)) / CHECKED_STEPS;
  const shuffled = batches(program, true);
  return { check, run: (times) => steps(shuffled, times) };
}

async function predict({ layers }) {
  const parameters = net(layers);
  const logits = jit((parameters, x) => forward(parameters, x, 'none'));
  const x = np.array(filled(layers[0], 3)).reshape([1, layers[0]]);
  const run = async (times) => {
    for (let i = 0; i < times; i++) (await np.argmax(logits(tree.ref(parameters), x.ref), 1).data())[0];
  };
  return { check: Math.max(...(await logits(tree.ref(parameters), x.ref).data())), run };
}

const { version } = JSON.parse(
  readFileSync(new URL('node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8'),
);
await serve({ version, device: 'wasm' }, { train, predict });
