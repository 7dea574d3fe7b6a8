/**
 * An archive in the `newc` format of cpio: what the Linux kernel unpacks as its first file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Owner and times are zero, so that equal files give equal archives.
 */

export type ArchiveEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

const TYPE_BITS = { file: 0o100000, directory: 0o040000, link: 0o120000 } as const;
const ALIGNMENT = 4;
const TRAILER = 'TRAILER!!!';

function padding(length: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}

function record(inode: number, mode: number, path: string, content: Buffer): readonly Buffer[] {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, owner, group, links, time, size, four device numbers, length of the name, checksum (unused)
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), content, padding(content.length)];
}

/** Directories that the entries' paths need, parents first. */
function parentsOf(entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  const found = new Set<string>();
  for (const { path } of entries) {
    const parts = path.split('/').slice(0, -1);
    for (let length = 1; length <= parts.length; length += 1) found.add(parts.slice(0, length).join('/'));
  }
  for (const entry of entries) if (entry.kind === 'directory') found.delete(entry.path);
  return [...found].sort().map(path => ({ kind: 'directory', path }));
}

/** The archive of these entries; paths are relative to the root, without a slash in front. Missing directories are added. */
export function cpioArchive(entries: readonly ArchiveEntry[]): Buffer {
  const directories = [...parentsOf(entries), ...entries.filter(entry => entry.kind === 'directory')];
  directories.sort((a, b) => (a.path < b.path ? -1 : 1));
  const others = entries.filter(entry => entry.kind !== 'directory');
  const records = [...directories, ...others].flatMap((entry, index) => {
    const mode = TYPE_BITS[entry.kind] | (entry.kind === 'file' ? entry.mode : 0o755);
    let content: Buffer = Buffer.alloc(0);
    if (entry.kind === 'file') content = entry.content;
    if (entry.kind === 'link') content = Buffer.from(entry.target);
    return record(index + 1, mode, entry.path, content);
  });
  return Buffer.concat([...records, ...record(0, 0, TRAILER, Buffer.alloc(0))]);
}
