/**
 * A run that fails, observed in the way that the argument names; writes what the process hears of it.
 *
 *   tsx unheard.ts nobody|await|loop|late|leaving
 */
import { setTimeout } from 'node:timers/promises';
import { DataLoader, nn, optim, randn, TensorDataset, train } from 'ferrograd';

process.on('unhandledRejection', (error) => console.log(`unhandled: ${(error as Error).name}`));

const model = new nn.Linear(3, 2);
const loader = new DataLoader(new TensorDataset(randn([8, 3]), randn([8, 2])), { batchSize: 4 });
const run = train(model, loader, {
  loss: new nn.MSELoss(),
  optimizer: new optim.SGD(model.parameters(), { lr: 1e30 }),
  epochs: 20,
});

const how: Record<string, () => unknown> = {
  nobody: () => {},
  await: async () =>
    console.log(`caught: ${await run.then(String, (error: unknown) => (error as Error).name)}`),
  loop: async () => {
    try {
      for await (const _ of run);
    } catch (error) {
      console.log(`caught: ${(error as Error).name}`);
    }
  },
  late: async () => {
    try {
      for await (const _ of run) await setTimeout(50);
    } catch (error) {
      console.log(`caught: ${(error as Error).name}`);
    }
  },
  leaving: async () => {
    try {
      for await (const _ of run) {
        await setTimeout(50); // it fails meanwhile
        break;
      }
    } catch (error) {
      console.log(`caught: ${(error as Error).name}`);
    }
  },
};
await how[process.argv[2] ?? '']?.();
