import { execFile, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadOptions, download } from '../../src/datasets/download.js';
import { DataError } from '../../src/errors.js';

const body = gzipSync(randomBytes(200_000));
const size = body.length;
const md5 = createHash('md5').update(body).digest('hex');

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** What a well-behaved server does, ranges included. */
const serve: Handler = (request, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  if (from >= size) return void response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
  const rest = body.subarray(from);
  const headers = { 'content-length': rest.length, 'content-range': `bytes ${from}-${size - 1}/${size}` };
  response.writeHead(from > 0 ? 206 : 200, headers).end(rest);
};

/** Promises the whole file, sends `sent` bytes of what is asked for, and hangs up. */
function cutAfter(sent: number): Handler {
  return (request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': size - from,
      'content-range': `bytes ${from}-${size - 1}/${size}`,
    });
    response.write(body.subarray(from, from + sent));
    // Not earlier: what a connection still holds when it breaks is lost.
    arrived = (received) => received === from + sent && response.destroy();
  };
}

/** Ignores Range and sends other bytes of the right length. */
const corrupt: Handler = (_, response) => response.end(Buffer.alloc(size, 7));

let folder: string;
let path: string;
let server: Server;
let origin: string;
let requests: IncomingMessage[];
/** Called with the number of bytes that a download has stored. */
let arrived: (received: number) => void;
let handlers: Map<string, Handler | Handler[]>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ferrograd-download-'));
  path = join(folder, 'raw', 'images.gz');
  requests = [];
  arrived = () => {};
  handlers = new Map();
  server = createServer((request, response) => {
    requests.push(request);
    const found = handlers.get(request.url as string);
    const handler = Array.isArray(found) ? (found.length > 1 ? found.shift() : found[0]) : found;
    if (handler) handler(request, response);
    else response.writeHead(404).end('no such file');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

/** Routes `/0`, `/1`, … as mirrors, a list of handlers being the answers to successive requests. */
function mirrors(...answers: (Handler | Handler[])[]): URL[] {
  return answers.map((answer, i) => {
    handlers.set(`/${i}`, answer);
    return new URL(`/${i}`, origin);
  });
}

function run(urls: URL[], more: Partial<DownloadOptions> = {}): Promise<void> {
  const progress = (received: number) => arrived(received);
  return download({ urls, path, md5, size, retryDelay: 1, progress, ...more });
}

async function failure(urls: URL[], more: Partial<DownloadOptions> = {}): Promise<Error> {
  const error = await run(urls, more).then(
    () => undefined,
    (e: Error) => e,
  );
  expect(error).toBeInstanceOf(Error);
  expect(existsSync(path)).toBe(false);
  return error as Error;
}

function expectWhole(): void {
  expect(Buffer.compare(readFileSync(path), body)).toBe(0);
  expect(readdirSync(join(folder, 'raw'))).toEqual(['images.gz']);
}

/** The first bytes of the file as a process that no longer runs left them. */
function leaveOrphan(bytes: Uint8Array, pid = spawnSync(process.execPath, ['-e', '0']).pid): string {
  mkdirSync(join(folder, 'raw'), { recursive: true });
  const part = `${path}.${hostname().replace(/[^\w]/g, '_')}-${pid}-0.part`;
  writeFileSync(part, bytes);
  return part;
}

const ranges = () => requests.map((request) => request.headers.range);

describe('a download', () => {
  it('brings the file, makes its folder and tells how far it is', async () => {
    const told: number[] = [];
    await run(mirrors(serve), { progress: (received) => told.push(received) });
    expectWhole();
    expect(told[0]).toBe(0);
    expect(told.at(-1)).toBe(size);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    expect(requests[0]?.headers['accept-encoding']).toBe('identity');
  });

  it('does nothing where the file is there and right, and replaces it where it is wrong', async () => {
    await run(mirrors(serve));
    await run(mirrors(serve));
    expect(requests).toHaveLength(1);
    writeFileSync(path, Buffer.alloc(size));
    await run(mirrors(serve));
    expectWhole();
  });

  it('follows redirects, but not for ever', async () => {
    const to =
      (location: string): Handler =>
      (_, response) =>
        response.writeHead(302, { location }).end();
    handlers.set('/file', serve);
    await run(mirrors(to('/file')));
    expectWhole();
    rmSync(path);
    const error = await failure(mirrors(to('/0')));
    expect(error.message).toContain('redirected more than 5 times');
    expect((await failure(mirrors(to('ftp://127.0.0.1/file')))).message).toContain('"ftp:"');
  });

  it('keeps the bytes as they are where a server calls the gzip file an encoding', async () => {
    await run(mirrors((_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(body)));
    expectWhole();
  });
});

describe('a mirror that fails', () => {
  it.each<[string, Handler, RegExp]>([
    ['does not have it', (_, r) => r.writeHead(404).end(), /HTTP 404 Not Found/],
    ['forbids it', (_, r) => r.writeHead(403).end(), /HTTP 403 Forbidden/],
    ['sends a web page', (_, r) => r.end('<html>log in first</html>'), /offers 25 bytes .*, expected \d+/],
    ['is broken', (_, r) => r.writeHead(503).end(), /HTTP 503 Service Unavailable/],
    ['sends other bytes', corrupt, /corrupt: MD5 [0-9a-f]{32}, expected [0-9a-f]{32}/],
    ['sends no end of bytes', (_, r) => pour(r), /sends more than the \d+ bytes/],
    ['ends too early', (_, r) => r.end(body.subarray(0, 999)), /offers 999 bytes/],
    ['ends early without having named a length', (_, r) => chunked(r), /ended after 999 of \d+ bytes/],
    ['hangs up', (_, r) => r.destroy(), /socket hang up/],
    ['says nothing', () => {}, /stalled: no data for 0.1 s/],
    ['stalls in the middle', (_, r) => void r.write(body.subarray(0, 999)), /stalled: no data for 0.1 s/],
  ])('for one that %s the next is taken, with a notice why', async (_, handler, why) => {
    const notices: string[] = [];
    const urls = mirrors(handler, serve);
    await run(urls, { stallTimeout: 100, notice: (message) => notices.push(message) });
    expectWhole();
    expect(notices).toHaveLength(1);
    expect(notices[0]).toMatch(why);
    expect(notices[0]?.startsWith(`${urls[0]}: `)).toBe(true);
    expect(notices[0]?.endsWith(`; trying ${urls[1]}`)).toBe(true);
  });

  function pour(response: ServerResponse): void {
    const more = () => {
      while (!response.destroyed && response.write(body)) {}
    };
    response.on('drain', more);
    more();
  }

  function chunked(response: ServerResponse): void {
    response.write(body.subarray(0, 999));
    response.end();
  }

  it('is asked again only where that can help', async () => {
    await failure(mirrors((_, r) => r.writeHead(404).end()));
    expect(requests).toHaveLength(1);
    await failure(mirrors((_, r) => r.writeHead(500).end()));
    expect(requests).toHaveLength(1 + 3);
    await failure(mirrors(corrupt));
    expect(requests).toHaveLength(1 + 3 + 1);
    await run(mirrors([(_, r) => r.writeHead(500).end(), serve]));
    expectWhole();
  });

  it('all of them: the error names each and its reason, and what to do', async () => {
    const closed = createTcpServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const refusing = new URL(`http://127.0.0.1:${port}/x`);
    const urls = [refusing, ...mirrors((_, r) => r.writeHead(404).end(), corrupt)];
    const error = await failure(urls);
    expect(error).toBeInstanceOf(DataError);
    const lines = error.message.split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toBe(`${path} could not be downloaded:`);
    expect(lines[1]).toContain(`${refusing}: connect ECONNREFUSED`);
    expect(lines[2]).toContain(`${urls[1]}: HTTP 404`);
    expect(lines[3]).toContain(`${urls[2]}: corrupt`);
    expect(lines[4]).toMatch(/by hand and put it at that path/);
    expect((error.cause as AggregateError).errors).toHaveLength(3);
    expect(readdirSync(join(folder, 'raw'))).toEqual([]);
  });
});

describe('resuming', () => {
  it('goes on where the connection broke', async () => {
    await run(mirrors([cutAfter(50_000), cutAfter(50_000), serve]));
    expectWhole();
    expect(ranges()).toEqual([undefined, 'bytes=50000-', 'bytes=100000-']);
  });

  it('goes on with the next mirror, and in the next call', async () => {
    await failure(mirrors(cutAfter(10_000)));
    expect(ranges()).toEqual([undefined, 'bytes=10000-', 'bytes=20000-']);
    await run(mirrors([cutAfter(10_000), (_, r) => r.writeHead(404).end()], serve));
    expect(ranges().slice(3)).toEqual(['bytes=30000-', 'bytes=40000-', 'bytes=40000-']);
    expectWhole();
  });

  it('takes up what a process left that was ended', async () => {
    leaveOrphan(body.subarray(0, 70_000));
    await run(mirrors(serve));
    expect(ranges()).toEqual(['bytes=70000-']);
    expectWhole();
  });

  it('leaves alone what a running process is writing', async () => {
    const part = leaveOrphan(body.subarray(0, 70_000), process.ppid);
    await run(mirrors(serve));
    expect(ranges()).toEqual([undefined]);
    expect(readFileSync(part)).toHaveLength(70_000);
  });

  it('starts over where the server ignores the range', async () => {
    leaveOrphan(Buffer.alloc(1000, 1));
    await run(mirrors((_, response) => response.end(body)));
    expect(ranges()).toEqual(['bytes=1000-']);
    expectWhole();
  });

  it('starts over where the server cannot continue there', async () => {
    leaveOrphan(body.subarray(0, 1000));
    await run(mirrors([(_, r) => r.writeHead(416).end(), serve]));
    leaveOrphan(body.subarray(0, 1000));
    rmSync(path);
    const wrong: Handler = (_, r) =>
      r.writeHead(206, { 'content-range': `bytes 0-9/${size}` }).end('0123456789');
    await run(mirrors([wrong, serve]));
    expect(ranges()).toEqual(['bytes=1000-', undefined, 'bytes=1000-', undefined]);
    expectWhole();
  });

  it('starts over on the same mirror where the old bytes were wrong', async () => {
    leaveOrphan(Buffer.alloc(1000, 1));
    await run(mirrors(serve));
    expect(ranges()).toEqual(['bytes=1000-', undefined]);
    expectWhole();
  });

  it.each([
    ['whole', body, 0],
    ['longer than the file', Buffer.concat([body, body]), 2],
  ])('copes with a part that is %s', async (_, bytes, asked) => {
    leaveOrphan(bytes);
    await run(mirrors(serve));
    expect(requests).toHaveLength(asked);
    expectWhole();
  });
});

describe('several at once', () => {
  it('in one process the second waits and finds the file', async () => {
    const urls = mirrors(serve);
    await Promise.all([run(urls), run(urls), run(urls)]);
    expect(requests).toHaveLength(1);
    expectWhole();
  });

  it('two processes each write their own part', async () => {
    const answers: (() => void)[] = [];
    // Neither gets the rest before both have begun.
    const together: Handler = (_, response) => {
      response.writeHead(200, { 'content-length': size });
      response.write(body.subarray(0, 100_000));
      answers.push(() => response.end(body.subarray(100_000)));
      if (answers.length === 2) for (const answer of answers) answer();
    };
    const [url] = mirrors(together);
    const module = new URL('../../src/datasets/download.ts', import.meta.url);
    const program = `import { download } from ${JSON.stringify(module)};
      await download({ urls: [new URL('${url}')], path: ${JSON.stringify(path)}, md5: '${md5}', size: ${size} });`;
    const argv = ['--import', 'tsx', '--input-type=module', '-e', program];
    await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, argv)));
    expect(requests).toHaveLength(2);
    expectWhole();
  });

  it('a failure or an abort of one is not that of the next', async () => {
    const hang = new AbortController();
    const urls = mirrors([(_, r) => void r.write(body.subarray(0, 5000), () => hang.abort()), serve]);
    const first = run(urls, { signal: hang.signal });
    const second = run(urls);
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    await second;
    expectWhole();
  });

  it('a waiting one can be aborted, without letting others past', async () => {
    let finish: () => void = () => {};
    const slow: Handler = (request, response) => {
      finish = () => serve(request, response);
    };
    const urls = mirrors([slow, serve]);
    const first = run(urls);
    const waiting = new AbortController();
    const second = run(urls, { signal: waiting.signal });
    waiting.abort();
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    const third = run(urls);
    await expect.poll(() => requests.length).toBe(1);
    finish();
    await Promise.all([first, third]);
    expect(requests).toHaveLength(1);
    expectWhole();
  });
});

describe('aborting', () => {
  it('rejects with the reason at once, and keeps what has come', async () => {
    const controller = new AbortController();
    const trickle: Handler = (_, response) => void response.write(body.subarray(0, 5000));
    const done = run(mirrors([trickle, serve]), {
      signal: controller.signal,
      progress: (received) => received === 5000 && controller.abort(),
    });
    await expect(done).rejects.toMatchObject({ name: 'AbortError' });
    expect(existsSync(path)).toBe(false);
    await run(mirrors(serve));
    expect(ranges().at(-1)).toBe('bytes=5000-');
    expectWhole();
  });

  it('before it starts asks nobody', async () => {
    await expect(run(mirrors(serve), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(requests).toHaveLength(0);
  });

  it('works while it waits for the next try', async () => {
    const controller = new AbortController();
    const broken: Handler = (_, r) => {
      r.writeHead(500).end();
      setTimeout(() => controller.abort(new Error('enough')), 20);
    };
    const done = run(mirrors(broken), { signal: controller.signal, retryDelay: 60_000 });
    await expect(done).rejects.toThrow('enough');
  });
});

describe('a disk that cannot be written', () => {
  it('ends the download with the path and the cause, without asking a mirror', async () => {
    writeFileSync(join(folder, 'raw'), 'a file where the folder should be');
    const error = await failure(mirrors(serve));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/^.*images\.gz: cannot be stored: E(EXIST|NOTDIR)/);
    expect((error.cause as NodeJS.ErrnoException).code).toMatch(/EEXIST|ENOTDIR/);
    expect(requests).toHaveLength(0);
  });

  // Root may write everywhere: there the test steps down to nobody.
  const root = process.geteuid?.() === 0;
  it.skipIf(process.platform === 'win32')('for want of permission as well', async () => {
    mkdirSync(join(folder, 'raw'));
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'raw'), 0o555);
    if (root) process.seteuid?.(65534);
    try {
      const error = await failure(mirrors(serve));
      expect(error).toBeInstanceOf(DataError);
      expect((error.cause as NodeJS.ErrnoException).code).toBe('EACCES');
    } finally {
      if (root) process.seteuid?.(0);
      chmodSync(join(folder, 'raw'), 0o755);
    }
  });
});
