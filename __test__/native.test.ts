import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { binaryName, Project, platform, root } from './packed.js';

const project = await Project.create();
const own = `node_modules/ferrograd/dist/${binaryName}`;
const manifest = readFileSync(project.path('node_modules/ferrograd/package.json'), 'utf8');
const { version } = JSON.parse(manifest);

/**
 * Loads the package in a process of its own, after `before`: which file it found, or what it threw.
 */
function load(
  env: NodeJS.ProcessEnv = {},
  before = '',
  flags: string[] = [],
): {
  binary?: string;
  name?: string;
  code?: string;
  message?: string;
  causes?: string[];
} {
  const code = `
    ${before}
    try {
      require('ferrograd');
      console.log(JSON.stringify({ binary: require('./node_modules/ferrograd/dist/native.js').binary }));
    } catch ({ name, code, message, cause }) {
      console.log(JSON.stringify({ name, code, message, causes: cause?.errors.map((error) => error.code) }));
    }`;
  const options = { cwd: project.folder, env: { ...process.env, FERROGRAD_BINARY: '', ...env } };
  return JSON.parse(
    execFileSync(process.execPath, [...flags, '--eval', code], { ...options, encoding: 'utf8' }),
  );
}

afterEach(() => {
  project.remove(own);
  project.remove(`node_modules/ferrograd-${platform}`);
  project.write('node_modules/ferrograd/package.json', manifest);
});
afterAll(() => project.remove());

describe('the binary is', () => {
  test("the checkout's own build", () => {
    project.addPlatformPackage();
    project.copyBinary(own);
    expect(load().binary).toBe(project.path(own));
  });

  test('the package of the platform', () => {
    project.addPlatformPackage();
    expect(load().binary).toBe(project.path(`node_modules/ferrograd-${platform}/${binaryName}`));
  });

  test("the package of the platform where the checkout's own build does not load", () => {
    project.addPlatformPackage();
    project.write(own, 'not a binary');
    expect(load().binary).toBe(project.path(`node_modules/ferrograd-${platform}/${binaryName}`));
  });

  test('the file that FERROGRAD_BINARY names, relative to the current folder', () => {
    project.addPlatformPackage();
    project.copyBinary('mine.node');
    expect(load({ FERROGRAD_BINARY: 'mine.node' }).binary).toBe(project.path('mine.node'));
  });
});

describe('where none loads, the error says', () => {
  test('the platform, each place that was looked at, and the command that installs the package', () => {
    const { name, code, message, causes } = load();
    expect([name, code]).toEqual(['NativeLoadError', 'ERR_NATIVE_LOAD']);
    expect(message).toContain(`no native binary of ferrograd ${version} loads here`);
    expect(message).toContain(`${process.platform} ${process.arch}`);
    if (process.platform === 'linux') expect(message).toMatch(/, (glibc 2\.\d+|musl),/);
    expect(message).toContain(`Node.js ${process.versions.node}`);
    expect(message).toContain(`  - ${project.path(own)}: no such file\n`);
    expect(message).toContain(`  - package ferrograd-${platform}: not installed\n`);
    expect(message).toContain('npm issue 4828');
    expect(message).toContain(
      `npm install --include=optional --save-optional ferrograd-${platform}@${version}`,
    );
    expect(causes).toEqual(['MODULE_NOT_FOUND']);
  });

  test.runIf(process.platform === 'linux')('that the C library is musl, and asks for its package', () => {
    const { message } = load({}, 'process.report.getReport = () => ({ header: {} });');
    expect(message).toContain(`(linux ${process.arch}, musl, Node.js ${process.versions.node})`);
    expect(message).toContain(`package ferrograd-linux-${process.arch}-musl: not installed`);
  });

  test('which platforms there are binaries for, on another one', () => {
    const { message } = load({}, "Object.defineProperty(process, 'platform', { value: 'sunos' });");
    expect(message).toContain(`No binary is published for sunos-${process.arch}, only for linux-x64-gnu, `);
    expect(message).toContain(`\n\n    npm install ferrograd-wasm32-wasi@${version}\n`);
    expect(message).toContain('from a checkout of its source');
  });

  test('that WebAssembly was asked for, and looks for nothing else', () => {
    project.addPlatformPackage();
    const { message } = load({ FERROGRAD_FORCE_WASM: '1' });
    expect(message).toContain(`no WebAssembly binary of ferrograd ${version} loads here`);
    expect(message).toContain('package ferrograd-wasm32-wasi: not installed\n');
    expect(message).not.toContain(platform);
    expect(message).toContain(`\n\n    npm install ferrograd-wasm32-wasi@${version}\n`);
  });

  test('how to build it, in a checkout', () => {
    project.write('node_modules/ferrograd/Cargo.toml', '');
    const { message } = load();
    project.remove('node_modules/ferrograd/Cargo.toml');
    expect(message).toContain('This is a checkout: build the binary with\n\n    npm run build\n');
    expect(message).not.toContain('npm install');
  });

  test('that the installed package is of another version', () => {
    project.addPlatformPackage();
    project.write('node_modules/ferrograd/package.json', manifest.replace(`"${version}"`, '"9.8.7"'));
    const { message } = load();
    expect(message).toContain(
      `package ferrograd-${platform}: is version ${version}, this is ferrograd 9.8.7\n`,
    );
    expect(message).toContain(`ferrograd-${platform}@9.8.7`);
  });

  test('why a file cannot be loaded, in the words of the system', () => {
    project.write(own, 'not a binary');
    const { message, causes } = load();
    expect(message).toMatch(/cannot be loaded: .+/);
    expect(causes).toEqual(['ERR_DLOPEN_FAILED', 'MODULE_NOT_FOUND']);
  });

  test("that the package's file cannot be loaded, and how to get it anew", () => {
    project.addPlatformPackage();
    project.write(`node_modules/ferrograd-${platform}/${binaryName}`, 'cut off');
    const { message, causes } = load();
    expect(message).toMatch(new RegExp(`  - package ferrograd-${platform}: cannot be loaded: .+\\n`));
    expect(message).toContain('glibc 2.17, macOS 11, Windows 10');
    expect(message).toContain('\n\n    npm ci\n');
    expect(causes).toEqual(['ERR_DLOPEN_FAILED']);
  });

  test.runIf(process.platform === 'linux')(
    'that a file was cut off, where loading it would end the process',
    () => {
      const cut = `node_modules/ferrograd-${platform}/${binaryName}`;
      project.addPlatformPackage();
      const whole = readFileSync(project.path(cut));
      for (const bytes of [0, 64, 1000, 0.5 * whole.length, whole.length - 1]) {
        writeFileSync(project.path(cut), whole.subarray(0, bytes));
        const { name, message } = load();
        expect(name).toBe('NativeLoadError');
        expect(message).toMatch(
          /: cannot be loaded: .*(its end is missing|file too short|Exec format error)/,
        );
        expect(message).toContain('its file is damaged: then install all packages anew with\n\n    npm ci\n');
      }
    },
  );

  test.each([
    ['pnpm-lock.yaml', 'pnpm add --save-optional', 'pnpm install --force'],
    ['yarn.lock', 'yarn add --optional', 'yarn install --force'],
    ['bun.lock', 'bun add --optional', 'bun install --force'],
    ['package-lock.json', 'npm install --include=optional --save-optional', 'npm ci'],
  ])('the command of the package manager that left %s', (lock, add, reinstall) => {
    project.write(lock, '');
    const missing = load().message;
    project.addPlatformPackage();
    project.write(`node_modules/ferrograd-${platform}/${binaryName}`, 'cut off');
    const damaged = load().message;
    project.remove(lock);
    expect(missing).toContain(`\n\n    ${add} ferrograd-${platform}@${version}\n`);
    expect(damaged).toContain(`\n\n    ${reinstall}\n`);
  });

  test('that Node.js was told to load no addons', () => {
    project.addPlatformPackage();
    const { message, causes } = load({}, '', ['--no-addons']);
    expect(message).toContain('Node.js was started with --no-addons, or with --permission');
    expect(message).toContain('node --permission --allow-addons');
    expect(causes).toEqual(['ERR_DLOPEN_DISABLED']);
  });

  test.each(['Bun', 'Deno', 'Electron'])('that it is %s which runs it', (name) => {
    const versions = `{ ...process.versions, ${name.toLowerCase()}: '1.2.3' }`;
    const { message } = load({}, `Object.defineProperty(process, 'versions', { value: ${versions} });`);
    expect(message).toContain(`, ${name} 1.2.3). Looked for`);
  });

  test('that FERROGRAD_BINARY is to blame, and looks nowhere else', () => {
    project.addPlatformPackage();
    const missing = load({ FERROGRAD_BINARY: 'gone.node' });
    expect(missing.name).toBe('NativeLoadError');
    expect(missing.message).toContain('  - gone.node (from FERROGRAD_BINARY): no such file\n');
    expect(missing.message).toContain('Unset FERROGRAD_BINARY');

    project.write('other.cjs', 'module.exports = {};');
    const other = load({ FERROGRAD_BINARY: 'other.cjs' });
    expect(other.message).toContain('  - other.cjs (from FERROGRAD_BINARY): is not a binary of ferrograd\n');
  });
});

// Electron's memory cage refuses them. Windows' linker does not name what is looked up at run time.
test.skipIf(process.platform === 'win32')("the binary makes no array over memory that is not V8's", () => {
  const binary = readFileSync(join(root, 'dist', binaryName), 'latin1');
  expect(binary).toContain('napi_create_arraybuffer');
  expect(binary).not.toContain('napi_create_external');
});
