import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as ferrograd from 'ferrograd';
import { afterAll, describe, expect, test } from 'vitest';
import { Project, root } from './packed.js';

const require = createRequire(import.meta.url);

test('import and require give one instance', () => {
  const required = require('ferrograd');
  expect(Object.keys(ferrograd).sort()).toEqual(Object.keys(required).sort());
  for (const [name, value] of Object.entries(ferrograd)) expect(value, name).toBe(required[name]);
});

test('the crates have the version of the package', () => {
  const { version } = require('ferrograd/package.json');
  expect(readFileSync(join(root, 'Cargo.toml'), 'utf8')).toContain(`version = "${version}"`);
});

const project = await Project.create();
const installed = project.path('node_modules/ferrograd');
afterAll(() => project.remove());

describe('the published package', () => {
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));

  test('is small, holds no binary and no trace of the build', () => {
    expect(project.tarballSize).toBeLessThan(300_000);
    const files = readdirSync(join(installed, 'dist'), { recursive: true }).map(String);
    expect(files).toContain('index.mjs');
    expect(files.filter((file) => /\.node$|\.wasm$|\.map$|^\.build/.test(file))).toEqual([]);
    for (const file of files.filter((name) => /\.(js|ts)$/.test(name))) {
      expect(readFileSync(join(installed, 'dist', file), 'utf8'), file).not.toMatch(
        /^\/\/# sourceMappingURL/m,
      );
    }
  });

  test('runs nothing at install and needs nothing but the binary', () => {
    const absent = ['scripts', 'dependencies', 'devDependencies', 'private', 'napi'];
    for (const name of absent) expect(manifest, name).not.toHaveProperty(name);
  });

  test('asks for the packages of all platforms, in its own version', () => {
    const { published } = require(join(installed, 'dist/platform.js')) as { published: string[] };
    const expected = published.map((id) => [`ferrograd-${id}`, manifest.version]);
    expect(manifest.optionalDependencies).toEqual(Object.fromEntries(expected));
    // The checkout does not: its lock file would have to name what is not published yet.
    expect(require('ferrograd/package.json')).not.toHaveProperty('optionalDependencies');
  });

  test('names each package where tools that trace files look for it', () => {
    const { published } = require(join(installed, 'dist/platform.js')) as { published: string[] };
    const source = readFileSync(join(installed, 'dist/packages.js'), 'utf8');
    expect(source).toContain('const requireFrom = module.createRequire(here);');
    const named = [...source.matchAll(/requireFrom\('ferrograd-(.+)'\)/g)].map(([, id]) => id);
    expect(named).toEqual(published);
  });

  test('takes WebAssembly from those who install it, in its own version', () => {
    const name = 'ferrograd-wasm32-wasi';
    expect(manifest.peerDependencies).toEqual({ [name]: manifest.version });
    expect(manifest.peerDependenciesMeta).toEqual({ [name]: { optional: true } });
  });

  describe('has types, all of them sound, for', () => {
    const program = `
      import { FerrogradError, NativeLoadError } from 'ferrograd';
      // @ts-expect-error there is no such export
      import { NoSuchThing } from 'ferrograd';
      const error: FerrogradError = new NativeLoadError('none');
      const code: string = error.code;
      // @ts-expect-error a code is a string
      const wrong: number = error.code;
    `;

    test.each([
      ['an ES module in Node.js', 'consumer.mts', 'nodenext', 'nodenext'],
      ['CommonJS in Node.js', 'consumer.cts', 'nodenext', 'nodenext'],
      ['a bundler', 'consumer.ts', 'esnext', 'bundler'],
    ])('%s', (_, file, module, moduleResolution) => {
      project.write(file, program);
      const options = { module, moduleResolution, target: 'es2022', strict: true, noEmit: true };
      const typeRoots = [join(root, 'node_modules', '@types')];
      const compilerOptions = { ...options, types: ['node'], typeRoots, skipLibCheck: false };
      project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }));
      const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
      let output = '';
      try {
        execFileSync(process.execPath, [tsc, '--project', project.folder], {
          encoding: 'utf8',
          stdio: 'pipe',
        });
      } catch (error) {
        output = String((error as { stdout: unknown }).stdout);
      }
      expect(output).toBe('');
    });
  });
});
