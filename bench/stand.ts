/**
 * What most benchmarks stand on: a controller, and a farm of hypervisors each with its own real Open vSwitch in dummy mode.
 * Nothing of it leaves the loopback interface, nothing needs root.
 */
import type { Hypervisor } from '../lab/hypervisor.js';
import { Lab } from '../lab/lab.js';
import { removeLeftovers } from '../lab/state.js';
import { APPLIED_WITHIN_MS, Controller, type ControllerOptions, settled, type Subject } from './controller.js';
import type { ProcessList } from './process-meter.js';
import type { PlannedPort } from './work.js';

export interface StandOptions extends ControllerOptions {
  readonly hosts: number;
}

/** Interfaces added by one ovs-vsctl. */
const INTERFACES_AT_ONCE = 50;
/** Hypervisors whose command lines run at one time: more than there are cores gains nothing. */
const HOSTS_AT_ONCE = 4;

let stands = 0;

export class Stand implements Subject {
  private constructor(
    readonly lab: Lab,
    readonly controller: Controller,
  ) {}

  /** Everything runs, all hypervisors have joined and are in sync, and there is no network. */
  static async create(options: StandOptions): Promise<Stand> {
    await removeLeftovers();
    stands += 1;
    const name = `bench-${process.pid}-${stands}`;
    const controller = await Controller.start(options);
    let stand: Stand;
    try {
      const { ports } = controller;
      const lab = await Lab.create({
        hypervisors: options.hosts,
        mode: 'dummy',
        name,
        controller: ports,
        ephemeral: true,
      });
      stand = new Stand(lab, controller);
    } catch (error) {
      await controller.stop();
      throw error;
    }
    try {
      await stand.#join();
    } catch (error) {
      const log = controller.weft.logTail(40);
      await stand.remove();
      throw new Error(`the stand did not come up; the end of Weft's log:\n${log}`, { cause: error });
    }
    return stand;
  }

  async #join(): Promise<void> {
    const { client } = this.controller;
    await this.onEachHost(hypervisor => hypervisor.join());
    const names = this.lab.hypervisors.map(hypervisor => hypervisor.name);
    await client.hypervisorsReady(names, APPLIED_WITHIN_MS);
    await client.converged(APPLIED_WITHIN_MS);
  }

  get hosts(): number {
    return this.lab.hypervisors.length;
  }

  readonly processes: ProcessList = () => {
    const daemons = (program: 'ovsdb-server' | 'ovs-vswitchd'): readonly number[] =>
      this.lab.hypervisors.flatMap(hypervisor => {
        const { openVswitch } = hypervisor;
        return openVswitch.isRunning(program) ? [openVswitch.daemon(program).pid] : [];
      });
    return {
      ...this.controller.processes(),
      ovs_vswitchd: daemons('ovs-vswitchd'),
      ovsdb_server: daemons('ovsdb-server'),
    };
  };

  /** Runs something on every hypervisor, a few at a time. */
  async onEachHost<T>(action: (hypervisor: Hypervisor, index: number) => Promise<T>): Promise<readonly T[]> {
    const results: T[] = [];
    const waiting = [...this.lab.hypervisors.entries()];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        results[next[0]] = await action(next[1], next[0]);
      }
    };
    await Promise.all(Array.from({ length: HOSTS_AT_ONCE }, worker));
    return results;
  }

  /** 0 is the first. */
  host(index: number): Hypervisor {
    return this.lab.hypervisor(index + 1);
  }

  /** Adds the interfaces of ports that may not exist yet. Weft binds each in the write that makes its port. */
  async plug(ports: readonly PlannedPort[]): Promise<void> {
    await this.onEachHost(async (hypervisor, host) => {
      const mine = ports.filter(port => port.host === host);
      for (let from = 0; from < mine.length; from += INTERFACES_AT_ONCE) {
        const part = mine.slice(from, from + INTERFACES_AT_ONCE);
        await hypervisor.plug(part.map(({ interfaceName, id }) => ({ interfaceName, portId: id })));
      }
    });
    await settled(this);
  }

  async remove(): Promise<void> {
    await this.lab.remove();
    await this.controller.stop();
  }
}
