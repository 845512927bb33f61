/** `ferrograd demo`: a network learns generated digits in about a second, before your eyes. */
import { backend } from '../backend.js';
import { DataLoader, type ImageDataset } from '../data/index.js';
import { syntheticDigits } from '../datasets/index.js';
import { drawImage, lineChart, sideBySide } from '../display/index.js';
import { accuracy } from '../metrics/index.js';
import { CrossEntropyLoss, Flatten, Linear, ReLU, Sequential } from '../nn/index.js';
import { SGD } from '../optim/index.js';
import { manualSeed } from '../random.js';
import { evaluate, predictSync, train } from '../train/index.js';
import { toTensor } from '../transforms/index.js';

const IMAGES = 12_800;
const TEST_IMAGES = 1_000;
const EPOCHS = 3;
const DRAWN = 4;
/** Columns of the terminal; a file takes lines of any length. */
const columns = () => process.stdout.columns ?? 120;
/** Columns of the loss curve at most, and those that its labels take. */
const CURVE = 60;
const LABELS = 10;

const makeNet = () =>
  new Sequential(new Flatten(), new Linear(28 * 28, 128), new ReLU(), new Linear(128, 10));
type Net = ReturnType<typeof makeNet>;

/** Trains, then prints the loss curve, the accuracy, and digits with what the network takes them for. */
export async function demo(): Promise<void> {
  const { isa, threads } = backend();
  console.log(`ferrograd on ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);

  manualSeed(0);
  const transform = toTensor();
  const trainData = syntheticDigits({ train: true, length: IMAGES, transform });
  const testData = syntheticDigits({ train: false, length: TEST_IMAGES, transform });
  const model = makeNet();

  const start = performance.now();
  const losses = await learn(model, trainData);
  const seconds = (performance.now() - start) / 1000;

  const width = Math.max(10, Math.min(CURVE, columns() - LABELS));
  console.log(
    `\n${lineChart(losses, { title: 'Training loss', xLabel: 'epoch', from: 0, to: EPOCHS, width })}\n`,
  );
  const rate = Math.round((IMAGES * EPOCHS) / seconds).toLocaleString('en-US');
  console.log(`${losses.length} steps in ${seconds.toFixed(2)} s, ${rate} images/s`);
  const { metrics } = await evaluate(model, new DataLoader(testData, { batchSize: TEST_IMAGES }), {
    metrics: { accuracy: accuracy() },
  });
  console.log(`Accuracy on ${TEST_IMAGES} images it has not seen: ${percent(metrics.accuracy)}\n`);
  console.log(drawPredictions(model, testData));
}

/** The loss of every step. */
async function learn(model: Net, data: ImageDataset): Promise<number[]> {
  const run = train(model, new DataLoader(data, { batchSize: 64, shuffle: true }), {
    loss: new CrossEntropyLoss(),
    optimizer: new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 }),
    epochs: EPOCHS,
    progress: true,
  });
  const losses: number[] = [];
  for await (const { epoch, loss, batchLosses } of run) {
    console.log(`Epoch ${epoch}, Loss: ${loss.toFixed(4)}`);
    losses.push(...batchLosses);
  }
  return losses;
}

function drawPredictions(model: Net, data: ImageDataset): string {
  const length = Math.max(1, Math.min(DRAWN, Math.floor(columns() / 30)));
  const blocks = Array.from({ length }, (_, i) => {
    const [image, label] = data.get(i);
    const guess = predictSync(model, image.unsqueeze(0)).argmax().item();
    return {
      caption: `${guess} ${guess === label ? '✓' : `✗ it is a ${label}`}`,
      text: drawImage(image),
    };
  });
  return sideBySide(blocks);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
