/**
 * PyTorch's MNIST tutorial in ferrograd, with options: `npm start -- --help`.
 *
 * What it does is in `main`, from top to bottom; the loop of the tutorial, which `--loop` runs instead of `train`, the
 * options, the search for the data and the pictures are below.
 */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  backend,
  DataLoader,
  datasets,
  display,
  evaluate,
  FerrogradError,
  manualSeed,
  metrics,
  nn,
  optim,
  predict,
  save,
  setNumThreads,
  stack,
  type Tensor,
  train,
  transforms,
} from 'ferrograd';

class Net extends nn.Module {
  fc1 = new nn.Linear(28 * 28, 128);
  fc2 = new nn.Linear(128, 10);
  forward(x: Tensor): Tensor {
    x = x.view(-1, 28 * 28);
    x = this.fc1.forward(x);
    return this.fc2.forward(x);
  }
}

async function main(options: Options): Promise<void> {
  if (options.threads !== undefined) setNumThreads(options.threads);
  manualSeed(options.seed);
  const { isa, threads } = backend();
  console.log(`ferrograd on ${isa}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`);

  const { trainData, testData } = await findData(options.data);
  const trainLoader = new DataLoader(trainData, { batchSize: options.batchSize, shuffle: true });

  const model = new Net();
  const criterion = new nn.CrossEntropyLoss();
  const optimizer = new optim.SGD(model.parameters(), { lr: options.lr });
  console.log(nn.summary(model, [options.batchSize, 1, 28, 28]).toString());

  const losses: number[] = [];
  const start = performance.now();
  if (options.loop) {
    for (const epoch of tutorialLoop(model, trainLoader, criterion, optimizer, options.epochs))
      losses.push(...epoch);
  } else {
    const run = train(model, trainLoader, {
      loss: criterion,
      optimizer,
      epochs: options.epochs,
      progress: true,
    });
    for await (const { epoch, loss, batchLosses } of run) {
      losses.push(...batchLosses);
      console.log(`Epoch ${epoch}, Loss: ${loss}`);
    }
    if (options.explain) console.log(`\n${run.explain()}\n`);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log('Finished Training');

  const testLoader = new DataLoader(testData, { batchSize: 1000 });
  const report = await evaluate(model, testLoader, { metrics: { accuracy: metrics.accuracy() } });
  const rate = Math.round((trainData.length * options.epochs) / seconds);
  console.log(`Test accuracy: ${(report.metrics.accuracy * 100).toFixed(2)} % of ${testData.length} images`);
  console.log(
    `Time: ${seconds.toFixed(2)} s for ${options.epochs} epochs, ${rate.toLocaleString('en')} samples/s`,
  );

  await showLosses(losses, options.epochs);
  await showPredictions(model, testData);
  await save(model.stateDict(), 'mnist.safetensors');
  console.log('Saved the weights as mnist.safetensors');
}

/** The loop as the tutorial has it, which blocks the event loop: gives the losses of each epoch's batches. */
function* tutorialLoop(
  model: Net,
  trainLoader: DataLoader<unknown, [Tensor, Tensor]>,
  criterion: nn.CrossEntropyLoss,
  optimizer: optim.SGD,
  epochs: number,
): Generator<number[]> {
  for (let epoch = 0; epoch < epochs; epoch++) {
    const losses: number[] = [];
    const bar = new display.ProgressBar({
      label: `Epoch ${epoch + 1}/${epochs}`,
      total: trainLoader.dataset.length,
      unit: 'samples',
    });
    let runningLoss = 0;
    let seen = 0;
    for (const [inputs, labels] of trainLoader) {
      optimizer.zeroGrad();
      const outputs = model.forward(inputs);
      const loss = criterion.forward(outputs, labels);
      loss.backward();
      optimizer.step();
      runningLoss += loss.item();
      losses.push(loss.item());
      seen += labels.size;
      bar.update(seen, `loss ${loss.item().toFixed(4)}`);
    }
    bar.finish();
    console.log(`Epoch ${epoch + 1}, Loss: ${runningLoss / trainLoader.length}`);
    yield losses;
  }
}

/** The loss of every step: as a chart in the terminal, and as a picture in loss.svg. */
async function showLosses(losses: readonly number[], epochs: number): Promise<void> {
  const axis = { title: 'Training loss', xLabel: 'epoch', from: 0, to: epochs };
  console.log(`\n${display.lineChart(losses, axis)}\n`);
  await writeFile('loss.svg', display.lineChartSvg(losses, axis));
  console.log('Drew the loss curve as loss.svg\n');
}

/** A few test images with what the model takes them for. */
async function showPredictions(model: Net, data: datasets.ImageDataset): Promise<void> {
  const columns = Math.max(1, Math.min(4, Math.floor((process.stdout.columns ?? 120) / 30)));
  const first = Array.from({ length: Math.min(columns, data.length) }, (_, i) => data.get(i));
  const scores = await predict(model, stack(first.map(([image]) => image)));
  const guesses = scores.argmax(1).data;
  const blocks = first.map(([image, label], i) => ({
    caption: `${guesses[i]} ${guesses[i] === label ? '✓' : `✗ it is a ${label}`}`,
    text: display.drawImage(image),
  }));
  console.log(`${display.sideBySide(blocks)}\n`);
}

/** The images: from the named folder, else FERROGRAD_DATA, else ./data, else downloaded, else generated. */
async function findData(folder: string | undefined) {
  const transform = transforms.toTensor();
  const read = async (root: string, download: boolean) => ({
    trainData: await datasets.MNIST({ root, train: true, download, transform }),
    testData: await datasets.MNIST({ root, train: false, download, transform }),
  });

  const named = folder ?? process.env.FERROGRAD_DATA;
  if (named) {
    console.log(`Data: MNIST from ${named}`);
    return read(named, false);
  }
  if (existsSync('data')) {
    try {
      const found = await read('data', false);
      console.log('Data: MNIST from ./data');
      return found;
    } catch (error) {
      // An empty folder is as good as none; files that are there but broken are not passed over.
      if (!(error instanceof FerrogradError) || error.code !== 'ERR_DATA') throw error;
    }
  }
  try {
    console.log('Data: downloading MNIST to ./data …');
    return await read('data', true);
  } catch (error) {
    if (!(error instanceof FerrogradError)) throw error;
    console.log(
      `${error.message}\nData: MNIST cannot be downloaded here; training on generated digits instead`,
    );
    return {
      trainData: datasets.syntheticDigits({ train: true, transform }),
      testData: datasets.syntheticDigits({ train: false, transform }),
    };
  }
}

const help = `Trains the network of PyTorch's MNIST tutorial.

  npm start -- [options]

  --data DIR        folder with the MNIST files (default: FERROGRAD_DATA, ./data, download, generated digits)
  --epochs N        passes over the training images (default 10)
  --lr RATE         learning rate of SGD (default 0.01)
  --batch-size N    images a step (default 64)
  --seed N          seed of weights and order (default 0)
  --threads N       threads to compute with (default: as many as there are cores)
  --loop            run the tutorial's own loop, step by step in JavaScript, instead of train
  --explain         show what is computed in a step, and how long each part takes
  --help            this text
`;

interface Options {
  data: string | undefined;
  epochs: number;
  lr: number;
  batchSize: number;
  seed: number;
  threads: number | undefined;
  loop: boolean;
  explain: boolean;
}

/** Says what is wrong with the command line, and ends the program. */
function refuse(message: string): never {
  console.error(`${message}\n\n${help}`);
  process.exit(2);
}

function readOptions(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  let values: { [name: string]: string | boolean | undefined };
  try {
    ({ values } = parseArgs({
      options: {
        data: text,
        epochs: text,
        lr: text,
        'batch-size': text,
        seed: text,
        threads: text,
        loop: flag,
        explain: flag,
        help: flag,
      },
    }));
  } catch (error) {
    return refuse((error as Error).message);
  }
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const number = (name: string, fallback: number, least: number, whole: boolean): number => {
    const value = values[name] === undefined ? fallback : Number(values[name] || Number.NaN);
    if (!(value >= least && Number.isFinite(value) && (!whole || Number.isInteger(value)))) {
      refuse(
        `--${name}: expected ${whole ? 'a whole number' : 'a number'} from ${least} on, got ${values[name]}`,
      );
    }
    return value;
  };
  return {
    data: values.data as string | undefined,
    epochs: number('epochs', 10, 1, true),
    lr: number('lr', 0.01, 0, false),
    batchSize: number('batch-size', 64, 1, true),
    seed: number('seed', 0, 0, true),
    threads: values.threads === undefined ? undefined : number('threads', 1, 1, true),
    loop: values.loop === true,
    explain: values.explain === true,
  };
}

try {
  await main(readOptions());
} catch (error) {
  if (!(error instanceof FerrogradError)) throw error;
  console.error(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
