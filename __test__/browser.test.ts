/** ferrograd in headless Chromium, as a plain ES module and through bundlers, training in a Web Worker. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as esbuild from 'esbuild';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainBothWays } from '../scripts/binaries/program.js';
import { Project, root } from './packed.js';
import { addWasmPackage, isWasmBuilt } from './wasm.js';

const STEPS = 400;
const PATIENCE_MS = 100_000;

/** What programs/page.js reports. */
interface Report {
  error?: string;
  isa: string;
  losses: number[];
  planned: number[];
  sum: number;
  ticks: number;
  longest: number;
  milliseconds: number;
}

/** Chromium or Chrome: what `CHROME_PATH` names, else the first on the PATH. */
function findChromium(): string | undefined {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [process.env.CHROME_PATH ?? '', ...candidates].find((file) => file !== '' && existsSync(file));
}

const chromium = findChromium();
const html = '<!doctype html><meta charset="utf-8"><script type="module" src="./page.js"></script>';
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
};

/** Serves a folder, opens its page in Chromium, and waits for the report. */
async function open(folder: string): Promise<Report> {
  let reported: (report: Report) => void = () => {};
  const report = new Promise<Report>((resolve) => {
    reported = resolve;
  });
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end();
      reported(JSON.parse(body));
      return;
    }
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    const file = join(folder, decodeURIComponent(pathname));
    if (!existsSync(file)) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': types[extname(file)] ?? '' }).end(readFileSync(file));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const profile = mkdtempSync(join(tmpdir(), 'ferrograd-chromium-'));
  const flags = [
    '--headless=new',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
  ];
  const url = `http://127.0.0.1:${port}/index.html?steps=${STEPS}`;
  const child = spawn(chromium as string, [...flags, `--user-data-dir=${profile}`, url], {
    stdio: 'ignore',
    detached: true, // a group of its own: its processes outlive the first one, and go on writing to the profile
  });
  const closed = once(child, 'close');
  try {
    const ended = closed.then(() => Promise.reject(new Error('Chromium ended before the page reported')));
    const late = delay(PATIENCE_MS, undefined, { ref: false }).then(() =>
      Promise.reject(new Error('no report')),
    );
    return await Promise.race([report, ended, late]);
  } finally {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await closed;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

describe.skipIf(!isWasmBuilt || !chromium)('in Chromium', () => {
  let project: Project;
  let expected: number[];
  beforeAll(async () => {
    project = await Project.create();
    await addWasmPackage(project);
    cpSync(join(import.meta.dirname, 'browser'), project.path('site'), { recursive: true });
    writeFileSync(project.path('site/index.html'), html);
    cpSync(join(root, 'scripts/binaries/program.js'), project.path('site/program.js'));
    expected = (await trainBothWays(STEPS)).losses; // natively
  });
  afterAll(() => project.remove());

  function check({ error, isa, losses, planned, sum, ticks, longest, milliseconds }: Report): void {
    expect(error).toBeUndefined();
    expect(sum).toBe(6);
    expect(isa).toBe('wasm128');
    for (const own of [losses, planned]) {
      expect(own).toHaveLength(STEPS);
      own.forEach((loss, i) => {
        expect(Math.abs(loss / (expected[i] as number) - 1)).toBeLessThan(1e-5);
      });
    }
    // The page's own thread was there all the time: had it trained, there would have been one tick.
    expect(milliseconds).toBeGreaterThan(200);
    expect(ticks).toBeGreaterThan(milliseconds / 100);
    expect(longest).toBeLessThan(milliseconds / 2);
    const [whole, gap] = [milliseconds, longest].map(Math.round);
    console.log(`${2 * STEPS} steps in ${whole} ms, ${ticks} ticks of the page, at most ${gap} ms apart`);
  }

  test('as a plain ES module', { timeout: 120_000 }, async () => {
    const site = project.path('plain');
    cpSync(project.path('site'), site, { recursive: true });
    cpSync(project.path('node_modules/ferrograd-wasm32-wasi/ferrograd.mjs'), join(site, 'ferrograd.mjs'));
    for (const name of ['program.js', 'page.js']) {
      const source = readFileSync(join(site, name), 'utf8');
      writeFileSync(join(site, name), source.replace("from 'ferrograd'", "from './ferrograd.mjs'"));
    }
    check(await open(site));
  });

  test('through esbuild', { timeout: 120_000 }, async () => {
    const site = project.path('bundled by esbuild');
    await esbuild.build({
      absWorkingDir: project.folder,
      entryPoints: ['site/page.js', 'site/worker.js'],
      outdir: site,
      bundle: true,
      format: 'esm',
      logLevel: 'silent',
    });
    writeFileSync(join(site, 'index.html'), html);
    check(await open(site));
  });

  test('through Vite', { timeout: 120_000 }, async () => {
    const site = project.path('bundled by Vite');
    await build({
      root: project.path('site'),
      configFile: false,
      logLevel: 'silent',
      build: { outDir: site, emptyOutDir: true },
    });
    check(await open(site));
  });
});
