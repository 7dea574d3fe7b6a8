/** A process of the farm of light hypervisors: holds some hundred and does what its parent says. Ends with its parent. */
import { dial } from '../southbound/ovsdb/transport.js';
import { systemClock } from '../src/base/clock.js';
import { FakeHypervisor } from '../test/fakes/fake-hypervisor.js';
import { LightTables } from './light-tables.js';

/** What the parent asks for; each is answered when it is done. */
export type FarmRequest =
  | { readonly kind: 'start'; readonly first: number; readonly count: number; readonly manager: string }
  | { readonly kind: 'plug'; readonly workloads: readonly FarmWorkload[] }
  /** Hangs up every connection of every hypervisor; they dial again. */
  | { readonly kind: 'cut' }
  | { readonly kind: 'count' };

export interface FarmWorkload {
  /** Number of the hypervisor in the whole farm. */
  readonly host: number;
  readonly interfaceName: string;
  readonly portId: string;
}

/** What the switches of the process have seen since they were started. */
export interface FarmCounts {
  readonly flowMods: number;
  readonly bundles: number;
  /** Flows that are there now. */
  readonly flows: number;
  readonly hostsWithBridge: number;
}

const DIAL_TIMEOUT_MS = 20_000;

const hosts = new Map<number, FakeHypervisor<LightTables>>();

function start(first: number, count: number, manager: string): void {
  for (let number = first; number < first + count; number += 1) {
    const host = new FakeHypervisor({
      systemId: `light${number}`,
      encapIp: `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
      managers: [manager],
      clock: systemClock,
      dial: target => dial(target, null, DIAL_TIMEOUT_MS),
      tables: new LightTables(),
    });
    hosts.set(number, host);
    host.start();
  }
}

function plug(workloads: readonly FarmWorkload[]): void {
  const byHost = new Map<number, Map<string, string>>();
  for (const { host, interfaceName, portId } of workloads) {
    const claims = byHost.get(host) ?? new Map<string, string>();
    byHost.set(host, claims.set(interfaceName, portId));
  }
  for (const [number, claims] of byHost) {
    if (hosts.get(number)?.plugAll(claims) !== true) throw new Error(`light hypervisor ${number} has no bridge`);
  }
}

function count(): FarmCounts {
  let [flowMods, bundles, flows, hostsWithBridge] = [0, 0, 0, 0];
  for (const host of hosts.values()) {
    const { tables } = host.switch;
    flowMods += tables.flowMods;
    bundles += tables.commits;
    flows += tables.flowCount;
    hostsWithBridge += host.bridge === null ? 0 : 1;
  }
  return { flowMods, bundles, flows, hostsWithBridge };
}

function cut(): void {
  for (const host of hosts.values()) {
    host.server.cut();
    host.switch.cut();
  }
}

function perform(request: FarmRequest): FarmCounts {
  switch (request.kind) {
    case 'start':
      start(request.first, request.count, request.manager);
      break;
    case 'plug':
      plug(request.workloads);
      break;
    case 'cut':
      cut();
      break;
    case 'count':
      break;
  }
  return count();
}

process.on('message', (request: FarmRequest) => process.send?.(perform(request)));
process.on('disconnect', () => process.exit(0));
