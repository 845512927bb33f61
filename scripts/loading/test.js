/**
 * `npm run loading`: installs the packed packages as users do, in all kinds of places where they load them, and trains
 * there. `-- --help` lists the options; docs/loading.md says what came of it.
 */
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { serve } from '../binaries/registry.js';
import { Unavailable } from '../binaries/tools.js';
import { Failure, script } from '../command.js';
import { gather } from './packages.js';
import { Workshop } from './project.js';
import { bundlers } from './scenarios/bundlers.js';
import { folders } from './scenarios/folders.js';
import { installers } from './scenarios/installers.js';
import { processes } from './scenarios/processes.js';
import { runtimes } from './scenarios/runtimes.js';
import { testRunners } from './scenarios/testRunners.js';

/** @typedef {import('./scenario.js').Scenario} Scenario */

/** @type {Record<string, Scenario>} */
const scenarios = { ...processes, ...testRunners, ...bundlers, ...installers, ...folders, ...runtimes };

const help = `Loads the packed packages in the places where users do, and trains there.

  npm run loading -- [options] [scenario …]

  --from DIR   the tarballs of npm run binaries (default: packs what the checkout was built into)
  --rounds N   of sixteen workers, and of exits while training (default 200)
  --help       this text

Scenarios, of which those are tried whose name begins with one given (default: all):
${Object.keys(scenarios)
  .map((name) => `  ${name}`)
  .join('\n')}
`;

await script(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      rounds: { type: 'string', default: '200' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const chosen = Object.entries(scenarios).filter(
    ([name]) => positionals.length === 0 || positionals.some((start) => name.startsWith(start)),
  );
  if (chosen.length === 0) throw new Failure(`no scenario ${positionals.join(', ')}: see --help`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Failure('--rounds takes a whole number from 1 on');

  const tarballs = await gather(values.from && resolve(values.from));
  const registry = await serve(tarballs);
  const workshop = new Workshop(registry.url);
  let [passed, failed, skipped] = [0, 0, 0];
  try {
    for (const [name, scenario] of chosen) {
      const start = performance.now();
      try {
        const remark = await scenario(workshop, { rounds });
        const seconds = ((performance.now() - start) / 1000).toFixed(1);
        console.log(`${name} ok (${[remark, `${seconds} s`].filter(Boolean).join(', ')})`);
        passed++;
      } catch (error) {
        const isSkipped = error instanceof Unavailable;
        if (isSkipped) skipped++;
        else failed++;
        // A tool that throws has failed the place as well; the others are tried all the same.
        const { message, stack } = /** @type {Error} */ (error);
        const why = error instanceof Failure ? message : stack;
        console.log(`${name} ${isSkipped ? 'skipped' : 'FAILED'}: ${why}`);
      }
    }
  } finally {
    workshop.close();
    await registry.stop();
    rmSync(tarballs, { recursive: true });
  }
  console.log(`\n${passed} ok, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed > 0 ? 1 : 0;
});
