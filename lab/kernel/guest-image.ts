/**
 * The first and only file system of a guest, unpacked by its kernel into memory: Open vSwitch, iproute2 and a few more
 * programs of this machine with their shared libraries, the kernel modules that they need, and three scripts. Nothing is
 * downloaded for it, and nothing of it is ours but the scripts.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { commandEnvironment, run, words } from '../processes.js';
import { type ArchiveEntry, cpioArchive } from './cpio.js';
import { type GuestKernel, moduleIndex } from './debian-kernel.js';
import { loadOrder } from './kernel-modules.js';

/** Programs of the guest, by the names of this machine. */
const PROGRAMS = [
  'ovs-vswitchd',
  'ovsdb-server',
  'ovsdb-tool',
  'ovs-vsctl',
  'ovs-ofctl',
  'ovs-appctl',
  'ovs-dpctl',
  'ip',
  'tc',
  'ethtool',
  'ping',
  'dash',
  'busybox',
  'kmod',
];

/** What programs are called as, beside their own names. Debian's static busybox prefers its own `ip`: the shell is dash. */
const APPLETS =
  'base64 cat cut dmesg grep head hostname kill ls mkdir mount ps rm sed sleep sync sysctl tail timeout touch wc'
    .split(' ')
    .map(name => [name, 'busybox'] as const);
const LINKS: readonly (readonly [string, string])[] = [
  ...APPLETS,
  ['sh', 'dash'],
  ['insmod', 'kmod'],
  ['lsmod', 'kmod'],
];

const MODULES = words(
  'virtio_pci virtio_net virtio_console openvswitch vport_geneve vport_vxlan nf_conntrack_netlink veth sch_htb',
);

const DIRECTORIES = [
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  'etc/openvswitch',
  'var/run/openvswitch',
  'var/log/openvswitch',
];
const SCRIPTS = ['init.sh', 'channel.sh', 'start-switch.sh'];
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const GZIP_LEVEL = 1;

/** A file of the guest before its content is read. */
interface PlannedFile {
  readonly source: string;
  readonly path: string;
  readonly mode: number;
}

function findProgram(name: string): string {
  for (const folder of (commandEnvironment()['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (existsSync(path)) return realpathSync(path);
  }
  throw new Error(`there is no program ${name}`);
}

/** Shared libraries of programs, the loader among them, each by the path at which the loader finds it. */
async function librariesOf(programs: readonly string[]): Promise<readonly string[]> {
  // ldd ends with 1 when one of them has no libraries.
  const { stdout } = await run(['ldd', ...programs], { allowFailure: true });
  if (stdout.includes('not found')) throw new Error(`a library is missing:\n${stdout}`);
  const paths = [...stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(match => match[1] ?? '');
  return [...new Set(paths)].sort();
}

async function plan(kernel: GuestKernel): Promise<{ files: readonly PlannedFile[]; modules: readonly string[] }> {
  const programs = PROGRAMS.map(name => ({ name, source: findProgram(name) }));
  const libraries = await librariesOf(programs.map(({ source }) => source));
  const modules = loadOrder(moduleIndex(kernel), MODULES);
  const scripts = new URL('../../../lab/kernel/', import.meta.url);
  const files = [
    ...programs.map(({ name, source }) => ({ source, path: `bin/${name}`, mode: 0o755 })),
    ...libraries.map(source => ({ source, path: source.slice(1), mode: 0o755 })),
    ...modules.map(path => ({
      source: join(kernel.modulesDirectory, path),
      path: `modules/${basename(path)}`,
      mode: 0o644,
    })),
    ...SCRIPTS.map(name => ({ source: new URL(name, scripts).pathname, path: name, mode: 0o755 })),
    { source: SCHEMA, path: SCHEMA.slice(1), mode: 0o644 },
  ];
  return { files, modules: modules.map(path => `/modules/${basename(path)}`) };
}

function archive(files: readonly PlannedFile[], modules: readonly string[]): Buffer {
  const entries: ArchiveEntry[] = [
    ...DIRECTORIES.map(path => ({ kind: 'directory', path }) as const),
    ...files.map(({ source, path, mode }) => ({ kind: 'file', path, mode, content: readFileSync(source) }) as const),
    ...LINKS.map(([name, target]) => ({ kind: 'link', path: `bin/${name}`, target }) as const),
    { kind: 'link', path: 'init', target: 'init.sh' },
    { kind: 'file', path: 'modules.list', mode: 0o644, content: Buffer.from(`${modules.join('\n')}\n`) },
  ];
  return cpioArchive(entries);
}

/** The image for this kernel and the programs that this machine has now, from the cache or made. Returns its file. */
export async function guestImage(cacheDirectory: string, kernel: GuestKernel): Promise<string> {
  const { files, modules } = await plan(kernel);
  const content = archive(files, modules);
  const images = join(cacheDirectory, 'images');
  const file = join(images, `${createHash('sha256').update(content).digest('hex').slice(0, 16)}.cpio.gz`);
  if (existsSync(file)) return file;
  mkdirSync(images, { recursive: true });
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, gzipSync(content, { level: GZIP_LEVEL }));
  renameSync(temporary, file);
  return file;
}
