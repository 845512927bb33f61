/** What mends an installation: commands of the package manager that made it. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface PackageManager {
  /** Files that it leaves in the project. */
  traces: readonly string[];
  /** Installs the package that is named after it. */
  install: string;
  /** As an optional dependency, which that of a platform is. */
  installOptional: string;
  /** Writes all files anew. */
  reinstall: string;
}

const npm: PackageManager = {
  traces: ['package-lock.json', 'npm-shrinkwrap.json'],
  install: 'npm install',
  installOptional: 'npm install --include=optional --save-optional',
  reinstall: 'npm ci',
};

const managers: readonly PackageManager[] = [
  {
    traces: ['pnpm-lock.yaml'],
    install: 'pnpm add',
    installOptional: 'pnpm add --save-optional',
    reinstall: 'pnpm install --force',
  },
  {
    traces: ['yarn.lock'],
    install: 'yarn add',
    installOptional: 'yarn add --optional',
    reinstall: 'yarn install --force',
  },
  {
    traces: ['bun.lock', 'bun.lockb'],
    install: 'bun add',
    installOptional: 'bun add --optional',
    reinstall: 'bun install --force',
  },
  npm,
];

/** Whether there is a file; to a program that may not look there is none. */
function exists(file: string): boolean {
  try {
    return existsSync(file);
  } catch {
    return false;
  }
}

/** The one whose lock file is nearest above a folder. */
function nearest(folder: string): PackageManager | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = managers.find(({ traces }) => traces.some((trace) => exists(join(at, trace))));
    if (found || at === dirname(at)) return found;
  }
}

/**
 * The one that installed the package in a folder; npm where nothing tells. Some lay packages outside of the project and
 * link to them: then the project is where the program was started.
 */
export function packageManager(folder: string): PackageManager {
  return nearest(folder) ?? nearest(process.cwd()) ?? npm;
}
