// @ts-nocheck its types are there only once it is installed
/** jax-js on WebAssembly, steps compiled by `jit`. */
import { readFileSync } from 'node:fs';
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { CHECKED_STEPS, serve, weights } from '../serve.js';
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

/** Optimizers as functions within the compiled step: of zeroed state, and of parameters, gradients, state and time. */
const optimizers = {
  sgd: ({ lr, momentum }) => ({
    zeros: (like) => (momentum > 0 ? like() : []),
    update(parameters, gradients, velocities) {
      if (momentum > 0) velocities = tree.map((v, g) => v.mul(momentum).add(g), velocities, gradients);
      const directions = momentum > 0 ? tree.ref(velocities) : gradients;
      return [tree.map((p, d) => p.sub(d.mul(lr)), parameters, directions), velocities];
    },
  }),
  adam: ({ lr }) => ({
    zeros: (like) => ({ m: like(), v: like() }),
    update(parameters, gradients, { m, v }, [correction1, correction2]) {
      m = tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), m, tree.ref(gradients));
      v = tree.map((v, g) => v.mul(0.999).add(g.ref.mul(g).mul(0.001)), v, gradients);
      const moved = (p, m, v) => {
        const root = np.sqrt(v.div(correction2.ref)).add(1e-8);
        return p.sub(m.div(correction1.ref).div(root).mul(lr));
      };
      const next = tree.map(moved, parameters, tree.ref(m), tree.ref(v));
      correction1.dispose();
      correction2.dispose();
      return [next, { m, v }];
    },
  }),
};

async function train(program) {
  const { layers, activation } = program;
  const classes = layers.at(-1);
  const meanLoss = (parameters, x, y) => {
    const logProbabilities = nn.logSoftmax(forward(parameters, x, activation), -1);
    const rows = y.shape[0];
    return logProbabilities
      .mul(nn.oneHot(y, classes))
      .sum()
      .mul(-1 / rows);
  };
  const { zeros, update } = optimizers[program.optimizer.name](program.optimizer);
  const step = jit((parameters, state, corrections, x, y) => {
    const [loss, gradients] = valueAndGrad(meanLoss)(tree.ref(parameters), x, y);
    return [...update(parameters, gradients, state, corrections), loss];
  });
  const usesTime = program.optimizer.name === 'adam';

  let parameters = net(layers);
  let state = zeros(() => tree.map((p) => np.zeros(p.shape), tree.ref(parameters)));
  let time = 0;
  const steps = async (source, times) => {
    let runningLoss = 0;
    for (let i = 0; i < times; i++) {
      const { x, y, rows } = source.next().value;
      time++;
      const corrections = usesTime ? [np.array(1 - 0.9 ** time), np.array(1 - 0.999 ** time)] : [];
      let loss;
      [parameters, state, loss] = step(
        parameters,
        state,
        corrections,
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

async function predict(program) {
  const { layers, batch } = program;
  const parameters = net(layers);
  const logits = jit((parameters, x) => forward(parameters, x, 'none'));
  const x = np.array(batches(program, false).next().value.x).reshape([batch, layers[0]]);
  const run = async (times) => {
    for (let i = 0; i < times; i++) await np.argmax(logits(tree.ref(parameters), x.ref), 1).data();
  };
  return { check: Math.max(...(await logits(tree.ref(parameters), x.ref).data())), run };
}

const { version } = JSON.parse(
  readFileSync(new URL('node_modules/@jax-js/jax/package.json', import.meta.url), 'utf8'),
);
await serve({ version, device: 'wasm' }, { train, predict });
