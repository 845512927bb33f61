/** The package as npm would publish it, unpacked as a user's node_modules/ferrograd. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** File name of the binary that the checkout was built with: `ferrograd.<platform>.node`. */
export const binaryName = readdirSync(join(root, 'dist')).find((name) => name.endsWith('.node')) ?? '';

/** This platform as its package is named, such as `linux-x64-gnu`. */
export const platform = binaryName.split('.')[1] ?? '';

/** A user's project with ferrograd, but no package of any platform, installed. */
export class Project {
  readonly folder: string;
  /** Of the tarball, in bytes. */
  readonly tarballSize: number;

  constructor() {
    // As Node.js will name it, where the temporary folder is a link.
    this.folder = realpathSync.native(mkdtempSync(join(tmpdir(), 'ferrograd ünpacked ')));
    const npm = process.env.npm_execpath;
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder];
    const options = { cwd: root, stdio: 'pipe' } as const;
    if (npm) execFileSync(process.execPath, [npm, ...args], options);
    else execFileSync('npm', args, { ...options, shell: process.platform === 'win32' });
    const [tarball = ''] = readdirSync(this.folder);
    this.tarballSize = statSync(join(this.folder, tarball)).size;
    execFileSync('tar', ['-xzf', tarball], { cwd: this.folder });
    mkdirSync(join(this.folder, 'node_modules'));
    cpSync(join(this.folder, 'package'), join(this.folder, 'node_modules', 'ferrograd'), { recursive: true });
    rmSync(join(this.folder, 'package'), { recursive: true });
    rmSync(join(this.folder, tarball));
    this.write('package.json', '{ "private": true }');
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
