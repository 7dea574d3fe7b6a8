/**
 * What a lab has made, on disk, written before it is made: `weft lab down` removes exactly that, after a crash at any
 * moment too. One small file for each thing, so that several commands may work on one lab at a time.
 *
 *   DIRECTORY/lab.json            what the lab is
 *   DIRECTORY/namespaces/NAME     a network namespace that is, or is about to be, made
 *   DIRECTORY/directories/NAME    a directory elsewhere
 *   DIRECTORY/processes/PID       a daemon: its start time and its role
 *   DIRECTORY/workloads/NAME      a workload and where it is
 *   DIRECTORY/hv1/                run directory of a hypervisor: database, sockets, logs
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deleteNamespace, namespaceExists } from './namespaces.js';
import {
  endProcesses,
  identify,
  isAlive,
  LAB_MARK,
  type ProcessIdentity,
  processesOfLab,
  startTimeOf,
} from './processes.js';

/** Where the hypervisors of a lab find the controller's listeners. */
export interface ControllerPorts {
  readonly ovsdb: number;
  readonly openflow: number;
  readonly punt: number;
}

export const DEFAULT_CONTROLLER_PORTS: ControllerPorts = { ovsdb: 6640, openflow: 6653, punt: 6654 };

/**
 * `netdev`: each hypervisor is a network namespace with the userspace datapath, and packets flow.
 * `dummy`: only the two daemons per hypervisor, without namespaces, root or packets; for measuring with many of them.
 * `kernel`: each hypervisor is a virtual machine with the kernel datapath (lab/kernel/), for tests only.
 */
export type LabMode = 'netdev' | 'dummy' | 'kernel';

export interface LabRecord {
  readonly name: string;
  readonly mode: LabMode;
  readonly hypervisors: number;
  /** MTU of the network between the hypervisors, bytes of IP packet. */
  readonly underlayMtu: number;
  readonly encapTypes: readonly string[];
  readonly controller: ControllerPorts;
  /** Listeners of a second Weft on the same database. */
  readonly standby?: ControllerPorts | undefined;
  /** How hypervisors reach it; default tcp. */
  readonly transport?: 'tcp' | 'ssl' | undefined;
  /** The process that made the lab; its end makes an ephemeral lab a leftover. */
  readonly owner: ProcessIdentity;
  /** Made by a test or a benchmark: removed by the next one when its owner is gone. */
  readonly ephemeral: boolean;
  readonly createdAt: string;
}

export interface WorkloadRecord {
  readonly name: string;
  readonly portId: string;
  readonly namespace: string;
  readonly hypervisor: string;
  /** Device inside the workload's namespace. */
  readonly device: string;
  /** Device, and name of the Interface row, on the hypervisor. */
  readonly interfaceName: string;
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly mtu: number;
}

/** The directory that holds all labs of this user. */
export function labsDirectory(): string {
  const uid = process.getuid?.() ?? 0;
  return uid === 0 ? '/run/weft-lab' : join(process.env['XDG_RUNTIME_DIR'] ?? tmpdir(), `weft-lab-${uid}`);
}

export function listLabs(): readonly string[] {
  return readDirectory(labsDirectory());
}

function readDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path).filter(name => !name.startsWith('.'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readJson<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** The files of one lab. */
export class LabState {
  readonly directory: string;

  constructor(readonly name: string) {
    if (!/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) {
      throw new Error(
        `a lab's name has 1 to 31 lower-case letters, digits and hyphens, and does not begin with a hyphen: ${name}`,
      );
    }
    this.directory = join(labsDirectory(), name);
  }

  /** Environment of everything that the lab starts. */
  get mark(): Readonly<Record<string, string>> {
    return { [LAB_MARK]: this.directory };
  }

  /** Takes the name: throws when a lab has it already. */
  claim(record: LabRecord): void {
    mkdirSync(labsDirectory(), { recursive: true, mode: 0o755 });
    try {
      mkdirSync(this.directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      throw new Error(`there is a lab named ${this.name}: take it down first (weft lab down --name ${this.name})`, {
        cause: error,
      });
    }
    for (const folder of ['directories', 'namespaces', 'processes', 'workloads'])
      mkdirSync(join(this.directory, folder));
    this.write('lab.json', record);
  }

  /** What the lab is, or null when there is no such lab, or it was not even written down before its maker died. */
  read(): LabRecord | null {
    return readJson<LabRecord>(join(this.directory, 'lab.json'));
  }

  /** Full name of a namespace of this lab. */
  namespaceName(part: string): string {
    return `weft-${this.name}-${part}`;
  }

  /** Writes down that a namespace is going to be made. Throws when one of that name exists that is not this lab's. */
  intendNamespace(name: string): void {
    if (namespaceExists(name) && !readDirectory(join(this.directory, 'namespaces')).includes(name)) {
      throw new Error(`network namespace ${name} exists and is not this lab's`);
    }
    this.write(join('namespaces', name), {});
  }

  async removeNamespace(name: string): Promise<void> {
    await deleteNamespace(name);
    rmSync(join(this.directory, 'namespaces', name), { force: true });
  }

  namespaces(): readonly string[] {
    return readDirectory(join(this.directory, 'namespaces'));
  }

  /**
   * Makes a directory of the lab on ordinary storage (the lab's own may be in memory) for things that grow, such as a
   * database. It goes with the lab.
   */
  createDirectory(name: string): string {
    const path = join(tmpdir(), `weft-lab-${this.name}-${name}-${randomUUID()}`);
    this.write(join('directories', name), { path });
    mkdirSync(path, { mode: 0o700 });
    return path;
  }

  recordProcess(pid: number, role: string): ProcessIdentity {
    const identity = identify(pid);
    if (identity === null) throw new Error(`${role} ended at once (process ${pid})`);
    this.write(join('processes', String(pid)), { startTime: identity.startTime, role });
    return identity;
  }

  /** The daemons written down that still live. */
  processes(): readonly (ProcessIdentity & { readonly role: string })[] {
    return readDirectory(join(this.directory, 'processes')).flatMap(entry => {
      const pid = Number(entry);
      const record = readJson<{ startTime: string; role: string }>(join(this.directory, 'processes', entry));
      return record !== null && startTimeOf(pid) === record.startTime ? [{ pid, ...record }] : [];
    });
  }

  writeWorkload(record: WorkloadRecord): void {
    this.write(join('workloads', record.name), record);
  }

  removeWorkload(name: string): void {
    rmSync(join(this.directory, 'workloads', name), { force: true });
  }

  workloads(): readonly WorkloadRecord[] {
    return readDirectory(join(this.directory, 'workloads')).flatMap(name => {
      const record = readJson<WorkloadRecord>(join(this.directory, 'workloads', name));
      return record === null ? [] : [record];
    });
  }

  /** Stops and removes everything that the lab made. May be called at any state of it, and again. */
  async remove(): Promise<void> {
    // The marked processes include the recorded ones; the records serve where /proc/PID/environ cannot be read.
    const byPid = new Map([...processesOfLab(this.directory), ...this.processes()].map(found => [found.pid, found]));
    await endProcesses([...byPid.values()]);
    // One that was being started while we looked: it carries the mark too.
    await endProcesses(processesOfLab(this.directory));
    for (const name of this.namespaces()) await deleteNamespace(name);
    for (const entry of readDirectory(join(this.directory, 'directories'))) {
      const record = readJson<{ path: string }>(join(this.directory, 'directories', entry));
      if (record !== null) rmSync(record.path, { recursive: true, force: true });
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  private write(path: string, value: unknown): void {
    const target = join(this.directory, path);
    const temporary = join(this.directory, `.${path.replaceAll('/', '-')}.${process.pid}`);
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(temporary, target);
  }
}

/** Removes the labs of tests and benchmarks whose maker is gone. */
export async function removeLeftovers(): Promise<void> {
  for (const name of listLabs()) {
    const state = new LabState(name);
    const record = state.read();
    if (record?.ephemeral === true && !isAlive(record.owner)) await state.remove();
  }
}
