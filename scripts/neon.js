/**
 * `npm run test:neon`: the Rust tests on an emulated 64-bit Arm processor, for machines that have none. Skipped, by name,
 * where the compiler's target, the linker or the emulator is missing.
 */
import { Failure, run, say, script } from './command.js';

const target = 'aarch64-unknown-linux-gnu';
const linker = 'aarch64-linux-gnu-gcc';
const emulators = ['qemu-aarch64-static', 'qemu-aarch64'];

/** @param {string} program */
const runs = async (program) => (await run(program, ['--version'], { output: 'capture' })).ok;

/** Whether the compiler has a standard library for the target. */
async function hasTarget() {
  const source = [
    '--crate-type',
    'lib',
    '--emit',
    'metadata',
    '-o',
    '-',
    '--target',
    target,
    'crates/core/src/error.rs',
  ];
  return (await run('rustc', source, { output: 'capture' })).ok;
}

await script(async () => {
  /** @type {string[]} */
  const missing = [];
  if (!(await hasTarget())) missing.push(`the target (rustup target add ${target})`);
  if (!(await runs(linker))) missing.push(`${linker} (Debian: gcc-aarch64-linux-gnu)`);
  let emulator;
  for (const program of emulators) if (!emulator && (await runs(program))) emulator = program;
  if (!emulator) missing.push(`${emulators.join(' or ')} (Debian: qemu-user-static)`);
  if (missing.length > 0 || !emulator) {
    say(`skipped: NEON under an emulator needs ${missing.join(', ')}`);
    return;
  }
  const prefix = `CARGO_TARGET_${target.toUpperCase().replaceAll('-', '_')}_`;
  const env = {
    ...process.env,
    [`${prefix}LINKER`]: linker,
    [`${prefix}RUNNER`]: emulator,
    // Linked statically, the tests need no Arm libraries where they run.
    [`${prefix}RUSTFLAGS`]: '-C target-feature=+crt-static',
  };
  const args = ['test', '--package', 'ferrograd-core', '--target', target, '--no-fail-fast'];
  const { ok } = await run('cargo', [...args, ...process.argv.slice(2)], { env });
  if (!ok) throw new Failure('tests failed on the emulated processor');
});
