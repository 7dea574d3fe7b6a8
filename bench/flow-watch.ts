/** Every change of a flow on every switch, told by the switches themselves while it is watched. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { INTEGRATION_BRIDGE } from '../lab/hypervisor.js';
import { commandEnvironment } from '../lab/processes.js';
import type { Stand } from './stand.js';

/** The sentinel's table: its flow is replaced by each bundle and carries no packet. */
const SENTINEL = 'table=253';

export interface FlowEvents {
  /** Flows added, changed or removed, the sentinel's left out. */
  readonly flows: number;
  readonly sentinels: number;
}

export class FlowWatch {
  private flows = 0;
  private sentinels = 0;
  private readonly monitors: ChildProcess[] = [];

  /** Watches from the moment that it resolves. */
  static async start(stand: Stand): Promise<FlowWatch> {
    const watch = new FlowWatch();
    for (const hypervisor of stand.lab.hypervisors) {
      const target = `unix:${join(hypervisor.openVswitch.directory, `${INTEGRATION_BRIDGE}.mgmt`)}`;
      watch.monitor(target, join(hypervisor.openVswitch.directory, 'bench-monitor.ctl'));
    }
    await sleep(1_000); // ovs-ofctl says nothing when it has begun
    return watch;
  }

  private monitor(target: string, control: string): void {
    const command = ['-O', 'OpenFlow15', `--unixctl=${control}`, 'monitor', target, 'watch:!initial'];
    const child = spawn('ovs-ofctl', command, { env: commandEnvironment(), stdio: ['ignore', 'pipe', 'ignore'] });
    this.monitors.push(child);
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.includes('event=')) continue;
        if (line.includes(SENTINEL)) this.sentinels += 1;
        else this.flows += 1;
      }
    });
  }

  /** @throws Error when a watcher has ended before: nothing would be proven */
  async stop(): Promise<FlowEvents> {
    await sleep(200); // what the switches have told may still be on its way
    if (this.monitors.some(child => child.exitCode !== null)) throw new Error('a flow monitor has ended too early');
    await Promise.all(
      this.monitors.map(async child => {
        const gone = once(child, 'exit');
        child.kill();
        await gone;
      }),
    );
    return { flows: this.flows, sentinels: this.sentinels };
  }
}
