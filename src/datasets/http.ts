/**
 * One GET over HTTP, byte for byte.
 *
 * On `node:http`, not `fetch`: `fetch` unpacks a body that a server labels `Content-Encoding: gzip`, as servers do with
 * .gz files, after which neither the checksum nor the offset of a resumed download fits; it also hides the reason of
 * a failed connection and cannot be told how long to wait for data.
 */

import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** How to ask. */
export interface GetOptions {
  /** Ask for the bytes from here on; 0 asks for all. */
  readonly offset: number;
  /** Ends the request and the reading of its body. */
  readonly signal: AbortSignal;
}

/** Asks for `url`, following redirects; resolves when the headers are there. */
export async function get(url: URL, { offset, signal }: GetOptions): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(at, offset, signal);
    const { statusCode = 0, headers } = response;
    if (!REDIRECTS.has(statusCode) || headers.location === undefined) return response;
    response.destroy();
    at = new URL(headers.location, at);
  }
  throw new Error(`redirected more than ${MAX_REDIRECTS} times`);
}

function request(url: URL, offset: number, signal: AbortSignal): Promise<IncomingMessage> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'ferrograd' };
  if (offset > 0) headers.range = `bytes=${offset}-`;
  const start = url.protocol === 'https:' ? httpsGet : httpGet; // Either refuses other protocols.
  return new Promise((resolve, reject) => {
    start(url, { headers, signal }, resolve).on('error', reject);
  });
}
