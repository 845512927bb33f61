/** Times whole processes, from their start to the line that they print when the first step is done. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Command, type Participant, spawnCommand } from './participant.js';

export function coldStarts(command: Command): Participant {
  return {
    name: command.name,
    open: async () => ({ ready: 0 }),
    run: async (times) => {
      let total = 0;
      for (let i = 0; i < times; i++) total += await coldStart(command);
      return { seconds: total, runs: times };
    },
  };
}

/** Seconds of one start. */
async function coldStart(command: Command): Promise<number> {
  const from = performance.now();
  const child = spawnCommand(command);
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  let seconds: number | undefined;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    if (line.startsWith('first step')) seconds = (performance.now() - from) / 1000;
  });
  await once(child, 'close');
  if (seconds === undefined) throw new Error(`${command.name}: no first step: ${complaint.trim()}`);
  return seconds;
}
