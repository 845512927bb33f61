#!/usr/bin/env node
/** The command line: `npx ferrograd info`, `npx ferrograd demo`. */
import { FerrogradError } from '../errors.js';

const { version } = require('../../package.json') as { version: string };

const help = `ferrograd ${version}: train neural networks in Node.js

  npx ferrograd info       what computes here, for bug reports
  npx ferrograd demo       trains on generated digits in about a second, and shows what came of it
  npx ferrograd --version
  npx ferrograd --help
`;

/** Exit code of a command line that makes no sense; 1 is for what went wrong although it did. */
const USAGE = 2;

/** Loaded late, so that help and version are there where the native binary is not. */
const commands: Record<string, () => Promise<void>> = {
  info: async () => (await import('./info.js')).info(),
  demo: async () => (await import('./demo.js')).demo(),
  '--version': async () => console.log(version),
  '--help': async () => void process.stdout.write(help),
};

/** Other names that people try. */
const aliases: Record<string, string> = {
  '-h': '--help',
  help: '--help',
  '-v': '--version',
  '-V': '--version',
  version: '--version',
};

async function main([given, ...rest]: readonly string[]): Promise<void> {
  const name = given !== undefined && Object.hasOwn(aliases, given) ? aliases[given] : given;
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined || rest.length > 0) {
    const complaint =
      name === undefined ? 'which command?' : command ? `${name} takes no arguments` : `no command ${name}`;
    console.error(`ferrograd: ${complaint}\n\n${help}`);
    process.exitCode = USAGE;
    return;
  }
  try {
    await command();
  } catch (error) {
    if (!(error instanceof FerrogradError)) throw error;
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  }
}

// Whoever reads the output may have seen enough of it, as `head` has.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

void main(process.argv.slice(2));
