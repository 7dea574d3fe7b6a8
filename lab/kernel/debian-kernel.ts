/**
 * Debian's cloud kernel for the guests: the package that linux-image-cloud-amd64 stands for at present, downloaded and
 * unpacked into the cache, never installed.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, run } from '../processes.js';
import type { ModuleIndex } from './kernel-modules.js';

const METAPACKAGE = 'linux-image-cloud-amd64';
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** An unpacked kernel. */
export interface GuestKernel {
  /** As `uname -r` says it. */
  readonly release: string;
  readonly imageFile: string;
  /** Directory of lib/modules/RELEASE. */
  readonly modulesDirectory: string;
}

function unpackedKernel(directory: string): GuestKernel {
  const modules = join(directory, 'lib/modules');
  const [release] = readdirSync(modules);
  if (release === undefined) throw new Error(`${modules} is empty`);
  return {
    release,
    imageFile: join(directory, 'boot', `vmlinuz-${release}`),
    modulesDirectory: join(modules, release),
  };
}

export function moduleIndex(kernel: GuestKernel): ModuleIndex {
  return {
    dependencies: readFileSync(join(kernel.modulesDirectory, 'modules.dep'), 'utf8'),
    builtin: readFileSync(join(kernel.modulesDirectory, 'modules.builtin'), 'utf8'),
  };
}

/** Name of the package with the present version of the kernel, as far as apt knows; null when it knows none. */
async function presentPackage(): Promise<string | null> {
  const { stdout } = await run(['apt-cache', 'depends', METAPACKAGE], { allowFailure: true });
  return /Depends: (linux-image-\S+)/.exec(stdout)?.[1] ?? null;
}

async function download(packageName: string, directory: string): Promise<void> {
  // apt-get writes into the current directory.
  const script = 'cd "$1" && apt-get download -q "$2" && dpkg-deb --extract "$2"_*.deb . && rm "$2"_*.deb';
  await run(['sh', '-ec', script, 'sh', directory, packageName], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
  const { release } = unpackedKernel(directory);
  await run(['depmod', '--basedir', directory, release]);
}

/** Name of the newest package in the cache; null when there is none. */
function newestOf(kernels: string): string | null {
  return readdirSync(kernels).sort().at(-1) ?? null;
}

/**
 * The kernel from the cache, or downloaded into it. Only the first call on a machine, and one after apt has learned of a
 * newer version, needs the network; without it, or without an answer of apt, any version in the cache serves. Throws when there is none.
 */
export async function guestKernel(cacheDirectory: string): Promise<GuestKernel> {
  const kernels = join(cacheDirectory, 'kernels');
  mkdirSync(kernels, { recursive: true });
  let packageName = (await presentPackage()) ?? newestOf(kernels);
  if (packageName !== null && existsSync(join(kernels, packageName))) return unpackedKernel(join(kernels, packageName));
  const temporary = mkdtempSync(join(cacheDirectory, 'download-'));
  try {
    if (packageName === null) {
      await run(['apt-get', 'update', '-q'], { timeoutMs: DOWNLOAD_TIMEOUT_MS });
      packageName = await presentPackage();
      if (packageName === null) throw new Error(`apt knows no package ${METAPACKAGE}`);
    }
    await download(packageName, temporary);
    moveThere(temporary, join(kernels, packageName));
    return unpackedKernel(join(kernels, packageName));
  } catch (error) {
    const older = newestOf(kernels);
    if (older === null || !(error instanceof CommandError)) throw error;
    process.stderr.write(`kernel lab: ${error.message}\nkernel lab: taking ${older} from the cache\n`);
    return unpackedKernel(join(kernels, older));
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function moveThere(directory: string, target: string): void {
  try {
    renameSync(directory, target);
  } catch (error) {
    // Another lab that began at the same time has put it there.
    if (!existsSync(target)) throw error;
  }
}
