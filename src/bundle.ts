/**
 * Bundlers. They take this package into the program's own file unless they are told not to, and then the binary does not
 * lie where it is looked for: programs that run all the same should, the others should be told what to do.
 */
import { NativeLoadError } from './errors.js';

/** What to do, for an error. */
export const bundleAdvice =
  'ferrograd is part of a bundle, and a native binary cannot be: leave ferrograd out of it, and install it where the ' +
  'bundle runs. In the configuration of the bundler it is external:\n\n' +
  '    esbuild    --external:ferrograd\n' +
  "    Vite       ssr: { external: ['ferrograd'] }\n" +
  "    Rollup     external: ['ferrograd']\n" +
  "    webpack    externals: { ferrograd: 'commonjs ferrograd' }, in ES modules 'module ferrograd'\n" +
  "    Next.js    serverExternalPackages: ['ferrograd']\n";

// Some bundles of ES modules have no `require` that works, not even for what is part of Node.js.
try {
  require('node:module');
} catch (cause) {
  throw new NativeLoadError(`no native binary can be loaded here. ${bundleAdvice}`, { cause });
}
