/** Bundles that took ferrograd in: they run where the binary can be found, else the error says what to do. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { build, type Format } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Project } from './packed.js';

const run = promisify(execFile);
const project = await Project.create();
const withRequire = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;

/** Runs a bundle, whose program prints a sum, or the error's class and what it says. */
async function printed(format: Format, banner = ''): Promise<string> {
  const outfile = project.path(`out/program.${format === 'esm' ? 'mjs' : 'cjs'}`);
  await build({
    absWorkingDir: project.folder,
    stdin: {
      contents: `
        const print = ({ name, code, message }) => console.log(name, code, message);
        import('ferrograd').then(({ ones }) => console.log(ones([2, 3]).sum().item())).catch(print);`,
      resolveDir: project.folder,
    },
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    format,
    banner: { js: banner },
    logLevel: 'silent',
  });
  const env = { ...process.env, FERROGRAD_BINARY: '' };
  return (await run(process.execPath, [outfile], { env, cwd: project.folder })).stdout;
}

const advice =
  /^NativeLoadError ERR_NATIVE_LOAD no native [\s\S]*part of a bundle[\s\S]*--external:ferrograd/;

afterAll(() => project.remove());

test.each<[Format, string]>([
  ['cjs', ''],
  ['esm', ''],
  ['esm', withRequire],
])('without the package of the platform: advice (%s %s)', async (format, banner) => {
  expect(await printed(format, banner)).toMatch(advice);
});

describe('with the package of the platform', () => {
  beforeAll(() => project.addPlatformPackage());

  test.each<[Format, string]>([
    ['cjs', ''],
    ['esm', withRequire],
  ])('it computes (%s %s)', async (format, banner) => {
    expect(await printed(format, banner)).toBe('6\n');
  });

  test('advice where there is no require', async () => {
    expect(await printed('esm')).toMatch(advice);
  });
});
