/**
 * `npm run bench:peers [name…]`: installs what ferrograd is compared with. Python packages go to bench/.peers/python,
 * the gemm crate's program to bench/.peers, npm packages to bench/peers/javascript. Some of it is large: torch alone
 * takes more than a gigabyte.
 */
import { existsSync } from 'node:fs';
import { argv, platform } from 'node:process';
import { Failure, root, run, runNpm, say, script } from '../scripts/command.js';
import { folder, gemmFolder, gemmTarget, javascriptFolder, python } from './peers.js';

async function demand(command: string, args: readonly string[]): Promise<void> {
  const { ok, output } = await run(command, args);
  if (!ok) throw new Failure(`${command} ${args.join(' ')}: failed ${output}`);
}

const installers: Record<string, () => Promise<void>> = {
  /** PyTorch and NumPy. A folder or link that is there is used as it is, and completed. */
  async python() {
    if (!existsSync(python)) {
      await demand(platform === 'win32' ? 'py' : 'python3', ['-m', 'venv', `${folder}python`]);
    }
    const requirements = `${root}bench/peers/python/requirements.txt`;
    await demand(python, ['-m', 'pip', 'install', '--requirement', requirements]);
  },
  /** jax-js and TensorFlow.js, as their lock file says. Their scripts are not run: nothing here needs them. */
  async javascript() {
    const { ok } = await runNpm(['ci', '--ignore-scripts'], { cwd: javascriptFolder });
    if (!ok) throw new Failure('npm ci: failed');
  },
  async gemm() {
    const args = [
      'build',
      '--release',
      '--locked',
      '--manifest-path',
      `${gemmFolder}/Cargo.toml`,
      '--target-dir',
    ];
    await demand('cargo', [...args, gemmTarget('avx2')]);
    await demand('cargo', [...args, gemmTarget('avx512'), '--features', 'avx512']);
  },
};

await script(async () => {
  const names = argv.length > 2 ? argv.slice(2) : Object.keys(installers);
  for (const name of names) {
    const install = installers[name];
    if (!install) throw new Failure(`no peer ${name}: there are ${Object.keys(installers).join(', ')}`);
    say(`installing ${name} …`);
    await install();
  }
});
