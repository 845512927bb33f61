// @ts-nocheck its types are there only once it is installed
/** TensorFlow.js with its WebAssembly backend: the operations, without its layers API, which is slower. */
import { createRequire } from 'node:module';
import { CHECKED_STEPS, serve, weights } from '../serve.js';
import { batches } from './digits.js';

console.warn = () => {}; // it advertises tfjs-node
const require = createRequire(import.meta.url);
const tf = require('@tensorflow/tfjs');
require('@tensorflow/tfjs-backend-wasm');
await tf.setBackend('wasm');

const net = (layers) =>
  weights(layers).map((weight, i) => ({
    weight: tf.variable(tf.transpose(tf.tensor2d(weight, [layers[i + 1], layers[i]]))),
    bias: tf.variable(tf.zeros([layers[i + 1]])),
  }));

function forward(parameters, x, activation) {
  for (const [i, { weight, bias }] of parameters.entries()) {
    if (i > 0 && activation === 'relu') x = tf.relu(x);
    x = tf.add(tf.matMul(x, weight), bias);
  }
  return x;
}

function optimizerOf({ name, lr, momentum }) {
  if (name === 'adam') return tf.train.adam(lr, 0.9, 0.999, 1e-8);
  return momentum > 0 ? tf.train.momentum(lr, momentum) : tf.train.sgd(lr);
}

function train(program) {
  const { layers, activation } = program;
  const parameters = net(layers);
  const optimizer = optimizerOf(program.optimizer);
  const steps = (source, times) => {
    let runningLoss = 0;
    for (let i = 0; i < times; i++) {
      const { x, y, rows } = source.next().value;
      runningLoss += tf.tidy(() => {
        const inputs = tf.tensor2d(x, [rows, layers[0]]);
        const labels = tf.oneHot(tf.tensor1d(y, 'int32'), layers.at(-1));
        const meanLoss = () => tf.losses.softmaxCrossEntropy(labels, forward(parameters, inputs, activation));
        return optimizer.minimize(meanLoss, true).dataSync()[0];
      });
    }
    return runningLoss;
  };
  const check = steps(batches(program, false), CHECKED_STEPS) / CHECKED_STEPS;
  const shuffled = batches(program, true);
  return { check, run: (times) => steps(shuffled, times) };
}

function predict(program) {
  const { layers, batch } = program;
  const parameters = net(layers);
  const x = tf.tensor2d(batches(program, false).next().value.x, [batch, layers[0]]);
  const run = (times) => {
    for (let i = 0; i < times; i++) tf.tidy(() => tf.argMax(forward(parameters, x, 'none'), 1).dataSync());
  };
  return { check: tf.tidy(() => tf.max(forward(parameters, x, 'none')).dataSync()[0]), run };
}

await serve({ version: tf.version.tfjs, backend: tf.getBackend() }, { train, predict });
