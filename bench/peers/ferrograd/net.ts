/** The nets and data of the cases, of ferrograd's parts. */
import { readFileSync } from 'node:fs';
import {
  DataLoader,
  ImageDataset,
  nn,
  noGrad,
  optim,
  Subset,
  type Tensor,
  tensor,
  transforms,
} from 'ferrograd';
import type { Data, Optimizer, Train } from '../../case.js';
import { weights } from '../serve.js';

/** Dense layers with the weights that all peers begin with; images are flattened. */
export class Net extends nn.Module {
  readonly stack: nn.ModuleList;
  readonly features: number;

  constructor(
    layers: readonly number[],
    readonly activation: Train['activation'] = 'none',
  ) {
    super();
    this.features = layers[0] as number;
    this.stack = new nn.ModuleList(layers.slice(1).map((out, i) => new nn.Linear(layers[i] as number, out)));
    noGrad(() => {
      for (const [i, array] of weights(layers).entries()) {
        const { weight, bias } = this.stack[i] as nn.Linear;
        weight.copy_(tensor(array, { shape: weight.shape }));
        bias!.fill_(0);
      }
    });
  }

  forward(x: Tensor): Tensor {
    let h: Tensor = x.view(-1, this.features);
    let i = 0;
    for (const layer of this.stack) {
      if (i++ > 0 && this.activation === 'relu') h = h.relu();
      h = (layer as nn.Linear).forward(h);
    }
    return h;
  }
}

export function readDigits({ images, labels, count }: Data): ImageDataset {
  const bytes = readFileSync(labels);
  return new ImageDataset({
    images: readFileSync(images).subarray(0, count * 28 * 28),
    labels: new Int32Array(bytes.buffer, bytes.byteOffset, count),
    itemShape: [28, 28],
    transform: transforms.toTensor(),
  });
}

/** The first so many batches, in their order. */
export function inOrder(dataset: ImageDataset, batchSize: number, batches: number) {
  const indices = Array.from({ length: batches * batchSize }, (_, i) => i);
  return new DataLoader(new Subset(dataset, indices), { batchSize });
}

export function optimizerOf(parameters: readonly Tensor[], options: Optimizer): optim.SGD | optim.Adam {
  const { name, ...rest } = options;
  return name === 'adam' ? new optim.Adam(parameters, rest) : new optim.SGD(parameters, rest);
}
