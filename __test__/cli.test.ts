/** The command line of the packed package. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binaryName, Project, platform } from './packed.js';

const run = promisify(execFile);
const project = await Project.create();
const { version } = createRequire(import.meta.url)('ferrograd/package.json') as { version: string };

afterAll(() => project.remove());

async function ferrograd(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const main = project.path('node_modules/ferrograd/dist/cli/main.js');
  const options = { cwd: project.folder, env: { ...process.env, FERROGRAD_BINARY: '' } };
  try {
    return { code: 0, ...(await run(process.execPath, [main, ...args], options)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe('without a binary', () => {
  test('--version and --help answer', async () => {
    expect(await ferrograd('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    const { code, stdout, stderr } = await ferrograd('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const name of ['info', 'demo', '--version', '--help']) {
      expect(stdout).toContain(`npx ferrograd ${name}`);
    }
  });

  test.each([
    ['-h', '--help'],
    ['help', '--help'],
    ['-v', '--version'],
    ['version', '--version'],
  ])('%s is %s', async (alias, name) => {
    expect(await ferrograd(alias)).toEqual(await ferrograd(name));
  });

  test.each([
    ['an unknown command', ['train'], 'no command train'],
    ['a name that every object has', ['toString'], 'no command toString'],
    ['no command', [], 'which command?'],
    ['an argument too many', ['info', 'all'], 'info takes no arguments'],
  ])('%s is refused with the help and exit code 2', async (_, args, complaint) => {
    const { code, stdout, stderr } = await ferrograd(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`ferrograd: ${complaint}\n`);
    expect(stderr).toContain('npx ferrograd info');
  });

  test.each(['info', 'demo'])('%s says what is missing, without a stack trace', async (name) => {
    const { code, stderr } = await ferrograd(name);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^NativeLoadError: no native binary of ferrograd/);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('with a binary', () => {
  beforeAll(() => project.addPlatformPackage());

  test('info names what the environment asks for', async () => {
    process.env.FERROGRAD_NUM_THREADS = '1';
    const { stdout } = await ferrograd('info');
    delete process.env.FERROGRAD_NUM_THREADS;
    expect(stdout).toMatch(/^threads +1 \(/m);
    expect(stdout).toMatch(/^environment +.*FERROGRAD_NUM_THREADS=1/m);
  });

  test.skipIf(process.platform === 'win32')('demo ends in silence where nobody reads on', async () => {
    const main = project.path('node_modules/ferrograd/dist/cli/main.js');
    const command = `"${process.execPath}" "${main}" demo | head -n 1`;
    const { stdout, stderr } = await run('sh', ['-c', command], {
      env: { ...process.env, FERROGRAD_BINARY: '' },
    });
    expect(stdout).toMatch(/^ferrograd on \w+, \d+ threads?\n$/);
    expect(stderr).toBe('');
  });

  test('demo fits into a narrow terminal', async () => {
    const main = project.path('node_modules/ferrograd/dist/cli/main.js');
    const code = `process.stdout.columns = 40; process.argv = ['', '', 'demo']; require(${JSON.stringify(main)});`;
    const env = { ...process.env, FERROGRAD_BINARY: '' };
    const { stdout } = await run(process.execPath, ['--eval', code], { env });
    const lines = stdout.split('\n').filter((line) => /[┤└]/.test(line));
    expect(lines.length).toBeGreaterThan(5);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  test('info names version, binary, instruction set, threads and platform', async () => {
    const { code, stdout, stderr } = await ferrograd('info');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ {2,}/)),
    );
    expect(rows).toMatchObject({
      ferrograd: version,
      backend: 'native',
      binary: project.path(`node_modules/ferrograd-${platform}/${binaryName}`),
      'instruction set': expect.stringMatching(/^\w+$/),
      threads: expect.stringMatching(/^\d+ \(\d+ available\)$/),
    });
    expect(rows.platform).toContain(`Node.js ${process.versions.node}`);
  });

  test('demo learns the digits, and shows loss curve and predictions', async () => {
    const { code, stdout, stderr } = await ferrograd('demo');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const losses = [...stdout.matchAll(/^Epoch \d, Loss: ([\d.]+)$/gm)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(3);
    expect(losses[2]).toBeLessThan(losses[0] as number);
    expect(Number(/not seen: ([\d.]+) %/.exec(stdout)?.[1])).toBeGreaterThan(95);
    expect(stdout).toMatch(/[⠁-⣿]/); // the curve
    expect(stdout).toMatch(/^\d ✓/m);
    expect(stdout).toContain('█');
    expect(stdout).not.toContain('\x1b'); // progress is for terminals
  });
});
