/** `ferrograd demo`: a network learns generated digits in about a second, before your eyes. */
import { noGrad } from '../autograd.js';
import { backend } from '../backend.js';
import { DataLoader, type ImageDataset } from '../data/index.js';
import { syntheticDigits } from '../datasets/index.js';
import { drawImage, lineChart, ProgressBar, sideBySide } from '../display/index.js';
import { CrossEntropyLoss, Flatten, Linear, ReLU, Sequential } from '../nn/index.js';
import { SGD } from '../optim/index.js';
import { manualSeed } from '../random.js';
import { toTensor } from '../transforms/index.js';

const IMAGES = 12_800;
const TEST_IMAGES = 1_000;
const EPOCHS = 3;
const DRAWN = 4;

const makeNet = () =>
  new Sequential(new Flatten(), new Linear(28 * 28, 128), new ReLU(), new Linear(128, 10));
type Net = ReturnType<typeof makeNet>;

/** Trains, then prints the loss curve, the accuracy, and digits with what the network takes them for. */
export function demo(): void {
  const { isa, threads } = backend();
  console.log(`ferrograd on ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);

  manualSeed(0);
  const transform = toTensor();
  const trainData = syntheticDigits({ train: true, length: IMAGES, transform });
  const testData = syntheticDigits({ train: false, length: TEST_IMAGES, transform });
  const model = makeNet();

  const start = performance.now();
  const losses = train(model, trainData);
  const seconds = (performance.now() - start) / 1000;

  console.log(`\n${lineChart(losses, { title: 'Training loss', xLabel: 'epoch', from: 0, to: EPOCHS })}\n`);
  const rate = Math.round((IMAGES * EPOCHS) / seconds).toLocaleString('en-US');
  console.log(`${losses.length} steps in ${seconds.toFixed(2)} s, ${rate} images/s`);
  console.log(`Accuracy on ${TEST_IMAGES} images it has not seen: ${percent(accuracy(model, testData))}\n`);
  console.log(drawPredictions(model, testData));
}

/** The loss of every step. */
function train(model: Net, data: ImageDataset): number[] {
  const loader = new DataLoader(data, { batchSize: 64, shuffle: true });
  const criterion = new CrossEntropyLoss();
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const bar = new ProgressBar({ label: 'training', total: EPOCHS * data.length, unit: 'images' });
  const losses: number[] = [];
  let seen = 0;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    let sum = 0;
    for (const [inputs, labels] of loader) {
      optimizer.zeroGrad();
      const loss = criterion.forward(model.forward(inputs), labels);
      loss.backward();
      optimizer.step();
      losses.push(loss.item());
      sum += loss.item();
      seen += labels.size;
      bar.update(seen, `loss ${loss.item().toFixed(3)}`);
    }
    bar.clear();
    console.log(`Epoch ${epoch}, Loss: ${(sum / loader.length).toFixed(4)}`);
  }
  bar.finish();
  return losses;
}

/** The share of images whose most likely digit is the right one. */
function accuracy(model: Net, data: ImageDataset): number {
  let right = 0;
  for (const [inputs, labels] of new DataLoader(data, { batchSize: TEST_IMAGES })) {
    right += noGrad(() => model.forward(inputs).argmax(1).eq(labels).to('int32').sum().item());
  }
  return right / data.length;
}

function drawPredictions(model: Net, data: ImageDataset): string {
  const columns = Math.max(1, Math.min(DRAWN, Math.floor((process.stdout.columns ?? 120) / 30)));
  const blocks = Array.from({ length: columns }, (_, i) => {
    const [image, label] = data.get(i);
    const guess = noGrad(() => model.forward(image.unsqueeze(0)).argmax().item());
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
