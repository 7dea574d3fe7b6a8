/**
 * A controller with many light hypervisors: real bytes over loopback TCP, the same protocols as a host with Open vSwitch, in
 * processes of their own so that their CPU time is told apart. test/fakes holds them against the real ones.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HypervisorReply } from '../lab/weft-client.js';
import { APPLIED_WITHIN_MS, Controller, type ControllerOptions, settled, type Subject } from './controller.js';
import type { FarmCounts, FarmRequest, FarmWorkload } from './light-farm-process.js';
import type { ProcessList } from './process-meter.js';
import type { PlannedPort } from './work.js';

export interface LightStandOptions extends ControllerOptions {
  readonly hosts: number;
  /** Called when the controller runs and no hypervisor has been started. */
  readonly onController?: (controller: Controller) => void;
}

const HOSTS_A_PROCESS = 500;
/** All at once would only fill the backlogs of the listeners while each is registered by a write. */
const HOSTS_A_START = 250;

class FarmProcess {
  private constructor(private readonly child: ChildProcess) {}

  static fork(): FarmProcess {
    const program = fileURLToPath(new URL('light-farm-process.js', import.meta.url));
    return new FarmProcess(fork(program, [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }));
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** One request at a time: the next message is its answer. */
  async ask(request: FarmRequest): Promise<FarmCounts> {
    const answer = once(this.child, 'message') as Promise<[FarmCounts]>;
    const ended = once(this.child, 'exit').then((): never => {
      throw new Error('a process of the farm of light hypervisors has ended');
    });
    this.child.send(request);
    return (await Promise.race([answer, ended]))[0];
  }

  async stop(): Promise<void> {
    if (this.hasEnded) return;
    const ended = once(this.child, 'exit');
    this.child.disconnect();
    await ended;
  }
}

export class LightStand implements Subject {
  private constructor(
    readonly controller: Controller,
    private readonly farm: readonly FarmProcess[],
    readonly hosts: number,
  ) {}

  /** All hypervisors have joined and are in sync, and there is no network. */
  static async create(options: LightStandOptions): Promise<LightStand> {
    const controller = await Controller.start(options);
    options.onController?.(controller);
    const farm = Array.from({ length: Math.ceil(options.hosts / HOSTS_A_PROCESS) }, () => FarmProcess.fork());
    const stand = new LightStand(controller, farm, options.hosts);
    try {
      await stand.#start(`tcp:127.0.0.1:${controller.ports.ovsdb}`);
    } catch (error) {
      const log = controller.weft.logTail(20);
      await stand.remove();
      throw new Error(`the light stand did not come up; the end of Weft's log:\n${log}`, { cause: error });
    }
    return stand;
  }

  async #start(manager: string): Promise<void> {
    for (let first = 0; first < this.hosts; first += HOSTS_A_START) {
      const count = Math.min(HOSTS_A_START, this.hosts - first);
      await this.#process(first).ask({ kind: 'start', first, count, manager });
      await this.#ready(first + count);
    }
    await settled(this);
  }

  async #ready(hosts: number): Promise<void> {
    const endMs = performance.now() + APPLIED_WITHIN_MS;
    for (;;) {
      const all = await this.controller.client.list<HypervisorReply>('hypervisors');
      if (all.filter(host => host.connected && host.state === 'ready').length >= hosts) return;
      if (this.farm.some(process => process.hasEnded)) throw new Error('a process of the farm has ended');
      if (performance.now() > endMs) throw new Error(`not all of ${hosts} light hypervisors are ready`);
      // A list of a thousand costs Weft more than a hypervisor that joins.
      await sleep(Math.max(200, 2 * hosts));
    }
  }

  #process(host: number): FarmProcess {
    const found = this.farm[Math.floor(host / HOSTS_A_PROCESS)];
    if (found === undefined) throw new Error(`there is no light hypervisor ${host}`);
    return found;
  }

  readonly processes: ProcessList = () => ({
    ...this.controller.processes(),
    light: this.farm.map(process => process.pid),
  });

  /** Adds the interfaces of ports that may not exist yet. */
  async plug(ports: readonly PlannedPort[]): Promise<void> {
    await Promise.all(
      this.farm.map(process => {
        const workloads: FarmWorkload[] = ports
          .filter(port => this.#process(port.host) === process)
          .map(({ host, interfaceName, id }) => ({ host, interfaceName, portId: id }));
        return process.ask({ kind: 'plug', workloads });
      }),
    );
    await settled(this);
  }

  /** Every hypervisor loses both its connections at once and dials again. */
  async cut(): Promise<void> {
    await Promise.all(this.farm.map(process => process.ask({ kind: 'cut' })));
  }

  /** Over the whole farm. */
  async count(): Promise<FarmCounts> {
    const counts = await Promise.all(this.farm.map(process => process.ask({ kind: 'count' })));
    const sum = (key: keyof FarmCounts): number => counts.reduce((total, each) => total + each[key], 0);
    return {
      flowMods: sum('flowMods'),
      bundles: sum('bundles'),
      flows: sum('flows'),
      hostsWithBridge: sum('hostsWithBridge'),
    };
  }

  async remove(): Promise<void> {
    await Promise.all(this.farm.map(process => process.stop()));
    await this.controller.stop();
  }
}
