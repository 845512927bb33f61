/** The packages of the platforms with a native binary. */
import nodeModule = require('node:module');

/**
 * For each platform, what loads its package.
 *
 * Tools that copy the files which a program needs, and no others, read programs without running them (@vercel/nft: Next.js,
 * Vercel, Netlify). They see a package where its name is written out in a call of what `module.createRequire` gave, so
 * spelled. Bundlers do not look there, or they would try to take the binaries in.
 *
 * @param here the file from which they are looked for
 */
export function packagesFrom(here: string): Record<string, () => unknown> {
  const module = nodeModule;
  const requireFrom = module.createRequire(here);
  return {
    'linux-x64-gnu': () => requireFrom('ferrograd-linux-x64-gnu'),
    'linux-x64-musl': () => requireFrom('ferrograd-linux-x64-musl'),
    'linux-arm64-gnu': () => requireFrom('ferrograd-linux-arm64-gnu'),
    'linux-arm64-musl': () => requireFrom('ferrograd-linux-arm64-musl'),
    'win32-x64-msvc': () => requireFrom('ferrograd-win32-x64-msvc'),
    'win32-arm64-msvc': () => requireFrom('ferrograd-win32-arm64-msvc'),
    'darwin-x64': () => requireFrom('ferrograd-darwin-x64'),
    'darwin-arm64': () => requireFrom('ferrograd-darwin-arm64'),
  };
}
