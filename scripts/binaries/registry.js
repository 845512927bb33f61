/** A registry on this machine alone, which serves the tarballs as npm's would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure, runNpm } from '../command.js';
import { npm } from './tools.js';

/** The last that runs on Node.js 20; one of its packages asks for a tag that node-fetch no longer has. */
const VERDACCIO = 'verdaccio@~6.2.9';
const OVERRIDES = { 'node-fetch': '^2.7.0' };

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  return port;
}

/**
 * Starts it and publishes every tarball of a folder.
 *
 * @param {string} from
 * @returns {Promise<{ url: string, published: string[], stop: () => Promise<void> }>}
 */
export async function serve(from) {
  const verdaccio = join(await npm('verdaccio', [VERDACCIO], OVERRIDES), 'verdaccio', 'bin', 'verdaccio');
  const folder = mkdtempSync(join(tmpdir(), 'ferrograd-registry-'));
  const listen = `127.0.0.1:${await freePort()}`;
  const url = `http://${listen}/`;
  const config = {
    storage: join(folder, 'storage'),
    max_body_size: '50mb',
    uplinks: {},
    packages: { '**': { access: '$all', publish: '$all' } },
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const args = [verdaccio, '--config', join(folder, 'config.yaml'), '--listen', listen];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' }, // of running as root, which is common in containers
  });
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'close') : undefined;
    child.kill();
    await ended;
    rmSync(folder, { recursive: true });
  };
  try {
    await answers(url, child);
    const published = readdirSync(from).filter((name) => name.endsWith('.tgz'));
    for (const tarball of published) {
      const token = `--//${listen}/:_authToken=anyone`; // npm publishes nothing without one
      const args = ['publish', join(from, tarball), '--ignore-scripts', `--registry=${url}`, token];
      const { ok, output } = await runNpm(args, { output: 'capture' });
      if (!ok) throw new Failure(`${tarball} cannot be published:\n${output}`);
    }
    return { url, published, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @param {string} url @param {import('node:child_process').ChildProcess} child */
async function answers(url, child) {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
    try {
      if ((await fetch(`${url}-/ping`)).ok) return;
    } catch {
      // not yet
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Failure('Verdaccio does not answer');
}
