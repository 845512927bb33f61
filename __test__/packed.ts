/** The package as npm would publish it, unpacked as a user's node_modules/ferrograd. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packRoot } from '../scripts/binaries/pack.js';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** File name of the binary that the checkout was built with: `ferrograd.<platform>.node`. */
export const binaryName = readdirSync(join(root, 'dist')).find((name) => name.endsWith('.node')) ?? '';

/** This platform as its package is named, such as `linux-x64-gnu`. */
export const platform = binaryName.split('.')[1] ?? '';

/** A temporary folder with a name that careless programs stumble over, as Node.js will name it. */
export function emptyFolder(): string {
  return realpathSync.native(mkdtempSync(join(tmpdir(), 'ferrograd ünpacked ')));
}

/** A user's project with ferrograd, but no package of any platform, installed. */
export class Project {
  private constructor(
    readonly folder: string,
    /** Of the tarball, in bytes. */
    readonly tarballSize: number,
  ) {}

  static async create(): Promise<Project> {
    const folder = emptyFolder();
    const { file, bytes } = await packRoot(folder);
    mkdirSync(join(folder, 'node_modules'));
    execFileSync('tar', ['-xzf', file, '-C', 'node_modules'], { cwd: folder });
    renameSync(join(folder, 'node_modules', 'package'), join(folder, 'node_modules', 'ferrograd'));
    rmSync(file);
    const project = new Project(folder, bytes);
    project.write('package.json', '{ "private": true }');
    return project;
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  write(file: string, content: string): void {
    mkdirSync(join(this.folder, file, '..'), { recursive: true });
    writeFileSync(this.path(file), content);
  }

  /** Puts the checkout's binary somewhere in the project. */
  copyBinary(to: string): void {
    cpSync(join(root, 'dist', binaryName), this.path(to));
  }

  /** Installs the package of this platform, with the checkout's binary in it. */
  addPlatformPackage(): void {
    const folder = `node_modules/ferrograd-${platform}`;
    cpSync(join(root, 'npm', platform), this.path(folder), { recursive: true });
    this.copyBinary(`${folder}/${binaryName}`);
  }

  remove(file = '.'): void {
    rmSync(this.path(file), { recursive: true, force: true });
  }
}
