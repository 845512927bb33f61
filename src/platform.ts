/** Where this process runs, and for which platforms there are binaries. */

/** Platforms that a package is published for, as npm names them. */
export const published = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'win32-x64-msvc',
  'win32-arm64-msvc',
  'darwin-x64',
  'darwin-arm64',
];

/** WebAssembly, as npm names it: its package is there for whoever asks for it. */
export const wasm = 'wasm32-wasi';

/** The C library that this very process runs on; a file of the system could be another's (containers, emulators). */
function libc(): { abi: 'gnu' | 'musl'; name: string } {
  const { report } = process as { report?: NodeJS.ProcessReport & { excludeNetwork?: boolean } };
  if (!report) return { abi: 'gnu', name: 'unknown libc' };
  const { excludeNetwork } = report;
  report.excludeNetwork = true; // looking up host names would take seconds
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } };
  report.excludeNetwork = excludeNetwork;
  const glibc = header.glibcVersionRuntime;
  return glibc ? { abi: 'gnu', name: `glibc ${glibc}` } : { abi: 'musl', name: 'musl' };
}

/** The program that runs this. Bun and Deno pass themselves off as a Node.js, whose version says little of them. */
function runtime(): string {
  const { node, electron, bun, deno } = process.versions;
  if (electron) return `Electron ${electron}`;
  if (bun) return `Bun ${bun}`;
  return deno ? `Deno ${deno}` : `Node.js ${node}`;
}

/** This platform: the suffix of its binary and package, and a description for people. */
export function platform(): { id: string; description: string } {
  const id = `${process.platform}-${process.arch}`;
  const program = runtime();
  if (process.platform === 'linux') {
    const { abi, name } = libc();
    return { id: `${id}-${abi}`, description: `linux ${process.arch}, ${name}, ${program}` };
  }
  const suffix = process.platform === 'win32' ? '-msvc' : '';
  return { id: id + suffix, description: `${process.platform} ${process.arch}, ${program}` };
}
