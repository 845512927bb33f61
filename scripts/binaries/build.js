/**
 * `npm run binaries`: builds on one machine what it can of the binaries that are published, and leaves installable
 * tarballs of the root package and of the platforms' packages in a folder. `-- --help` lists the options.
 */
import { parseArgs } from 'node:util';
import { build } from '../build.js';
import { Failure, say, script } from '../command.js';
import { compile } from './compile.js';
import { inspect } from './inspect.js';
import { packPlatform, packRoot } from './pack.js';
import { chooseTargets, targets } from './targets.js';
import { Unavailable } from './tools.js';

const help = `Builds the binaries that are published, and packs them and the root package.

  npm run binaries -- [options]

  --target T   a target as Rust or as npm names it, or host; several allowed (default: all)
  --out DIR    where the tarballs go (default target/packages)
  --help       this text

Targets: ${targets.map(({ triple }) => triple).join('\n         ')}
`;

/** How sure a binary that was built here is to be the one that is published. */
const remarks = {
  linux: '',
  darwin: 'compile check: the published one is built on macOS',
  win32: 'compile check: the published one is built on Windows',
  wasi: 'the same wherever it is built',
};

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;

await script(async () => {
  const { values } = parseArgs({
    options: {
      target: { type: 'string', multiple: true, default: [] },
      out: { type: 'string', default: 'target/packages' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const chosen = await chooseTargets(values.target);
  await build();
  const root = await packRoot(values.out);
  const lines = [`${'ferrograd'.padEnd(28)}${root.file}, ${Math.round(root.bytes / 1000)} kB`];
  let [made, skipped, failed] = [0, 0, 0];
  for (const target of chosen) {
    say(`${target.triple} …`);
    let line;
    try {
      const binary = await compile(target);
      const { bytes, needs, faults } = inspect(target, binary);
      if (faults.length > 0) throw new Failure(faults.join('; '));
      const { file } = await packPlatform(target.id, binary, values.out);
      const remark = target.os === process.platform ? '' : remarks[target.os];
      line = [file, megabytes(bytes), `needs ${needs}`, remark].filter(Boolean).join(', ');
      made++;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const isSkipped = error instanceof Unavailable;
      if (isSkipped) skipped++;
      else failed++;
      line = `${isSkipped ? 'skipped' : 'FAILED'}: ${error.message}`;
    }
    lines.push(`${target.triple.padEnd(28)}${line}`);
  }
  console.log(`\n${lines.join('\n')}\n\n${made} built, ${skipped} skipped, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
});
