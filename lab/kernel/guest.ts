/** A virtual machine of qemu's software emulation: Debian's kernel and our image, two network cards, a few channels. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encapAddress, managementAddress, managementMac, underlayMac } from '../addresses.js';
import { inNamespace, ipBatch } from '../namespaces.js';
import {
  CommandError,
  commandEnvironment,
  type CommandOptions,
  type CommandResult,
  endProcesses,
  eventually,
  type ProcessIdentity,
  words,
} from '../processes.js';
import type { LabState } from '../state.js';
import { MANAGEMENT_BRIDGE, UNDERLAY_BRIDGE, underlayNamespace } from '../underlay.js';
import { GuestChannel } from './guest-channel.js';

/** Open vSwitch with a few thousand flows needs some 60 MB; the unpacked image, which stays in memory, 40. */
const MEMORY_MB = 256;
/** Commands that run at the same time. */
const CHANNELS = 3;
/** Emulated, on a machine that does other things too. */
const BOOT_TIMEOUT_MS = 400_000;
const DEFAULT_COMMAND_TIMEOUT_MS = 60_000;
/** The emulation takes all that it gets; whoever else uses the machine comes first. */
const NICENESS = 15;

export interface GuestOptions {
  readonly state: LabState;
  /** 1 is the first. */
  readonly index: number;
  readonly kernelFile: string;
  readonly imageFile: string;
  /** Of the network between the guests, bytes of IP packet. */
  readonly underlayMtu: number;
}

/** A word of a shell's command line. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

export class Guest {
  readonly name: string;
  private readonly directory: string;
  private process: ProcessIdentity | null = null;
  private channels: readonly GuestChannel[] = [];

  constructor(private readonly options: GuestOptions) {
    this.name = `hv${options.index}`;
    this.directory = join(options.state.directory, this.name);
  }

  /** Starts the machine. Returns when commands can be given; Open vSwitch starts some seconds later. */
  async start(): Promise<void> {
    mkdirSync(this.directory, { recursive: true });
    await this.createTaps();
    const log = openSync(join(this.directory, 'qemu.log'), 'a');
    const [file = '', ...args] = inNamespace(underlayNamespace(this.options.state), this.commandLine());
    const child = spawn(file, args, {
      env: commandEnvironment(this.options.state.mark),
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    if (child.pid === undefined) throw new Error('qemu did not start');
    this.process = this.options.state.recordProcess(child.pid, `guest ${this.name}`);
    this.channels = await Promise.all(
      Array.from({ length: CHANNELS }, (_, index) => GuestChannel.connect(this.channelSocket(index))),
    );
    await Promise.all(this.channels.map(channel => channel.ready(BOOT_TIMEOUT_MS)));
  }

  /** Waits until Open vSwitch runs. */
  async ready(): Promise<void> {
    await eventually(
      `${this.name} is up; its console: ${this.console}`,
      async () => (await this.shell('test -e /run/ready', { allowFailure: true })).status === 0,
      BOOT_TIMEOUT_MS,
      250,
    );
  }

  /** File with what the guest's kernel and init have said. */
  get console(): string {
    return join(this.directory, 'console.log');
  }

  consoleTail(lines = 20): string {
    return readFileSync(this.console, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  private channelSocket(index: number): string {
    return join(this.directory, `channel${index}.sock`);
  }

  /** Devices of the underlay's namespace that are the far ends of the guest's cards. */
  private async createTaps(): Promise<void> {
    const { state, underlayMtu } = this.options;
    await ipBatch(underlayNamespace(state), [
      `tuntap add ${this.name} mode tap`,
      `link set ${this.name} mtu ${underlayMtu} master ${UNDERLAY_BRIDGE} up`,
      `tuntap add ${this.name}-mgmt mode tap`,
      `link set ${this.name}-mgmt master ${MANAGEMENT_BRIDGE} up`,
    ]);
  }

  private commandLine(): readonly string[] {
    const { index, kernelFile, imageFile, underlayMtu } = this.options;
    const kernelOptions = [
      ...words('console=ttyS0 quiet panic=-1 no_timer_check mitigations=off random.trust_cpu=on'),
      `weft.name=${this.name}`,
      `weft.underlay=${encapAddress(index)}/24`,
      `weft.management=${managementAddress(index)}/24`,
      `weft.mtu=${underlayMtu}`,
    ];
    const macs = [underlayMac(index), managementMac(index)];
    const cards = [this.name, `${this.name}-mgmt`].flatMap((tap, card) => [
      '-netdev',
      `tap,id=net${card},ifname=${tap},script=no,downscript=no,vnet_hdr=off`,
      '-device',
      `virtio-net-pci,netdev=net${card},mac=${macs[card]},romfile=`,
    ]);
    const channels = Array.from({ length: CHANNELS }, (_, channel) => [
      '-chardev',
      `socket,id=channel${channel},path=${this.channelSocket(channel)},server=on,wait=off`,
      '-device',
      `virtserialport,chardev=channel${channel},name=weft.${channel}`,
    ]).flat();
    const machine = `-M pc -accel tcg -cpu qemu64,+rdrand -smp 1 -m ${MEMORY_MB}`;
    const alone = '-display none -nodefaults -no-reboot -no-user-config -monitor none';
    return [
      ...words(`nice -n ${NICENESS} qemu-system-x86_64 ${machine} ${alone} -device virtio-serial-pci`),
      ...channels,
      ...cards,
      '-serial',
      `file:${this.console}`,
      '-kernel',
      kernelFile,
      '-initrd',
      imageFile,
      '-append',
      kernelOptions.join(' '),
    ];
  }

  /** Runs a shell script. Throws CommandError on a status other than 0, unless `allowFailure`. */
  async shell(script: string, options: CommandOptions = {}): Promise<CommandResult> {
    const [channel] = [...this.channels].sort((a, b) => a.waiting - b.waiting);
    if (channel === undefined) throw new Error(`${this.name} was not started`);
    const variables = Object.entries(options.environment ?? {}).map(
      ([name, value]) => `export ${name}=${quote(value)}\n`,
    );
    const input = options.input === undefined ? '' : `exec <<'END OF INPUT'\n${options.input}\nEND OF INPUT\n`;
    const result = await channel.run(
      `${variables.join('')}${input}${script}`,
      options.timeoutMs ?? DEFAULT_COMMAND_TIMEOUT_MS,
    );
    if (result.status === 0 || options.allowFailure === true) return result;
    throw new CommandError([this.name, script], result);
  }

  /** Runs a command without a shell's interpretation of its words. */
  run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.shell(command.map(quote).join(' '), options);
  }

  /** Runs `ip` commands, one a line, in a namespace of the guest (null: its own). */
  async ipBatch(namespace: string | null, lines: readonly string[]): Promise<void> {
    const where = namespace === null ? [] : ['-n', namespace];
    await this.run(['ip', ...where, '-batch', '-'], { input: lines.join('\n') });
  }

  /** Turns the machine off, as by pulling the plug. */
  async stop(): Promise<void> {
    for (const channel of this.channels) channel.close();
    this.channels = [];
    if (this.process !== null) await endProcesses([this.process], 0);
    this.process = null;
  }
}
