/** `weft docker-plugin`: the process on a Docker host that makes devices for containers; `weft docker-forget`, for one that is gone. */
import { Command, Option } from 'commander';
import { Plugin } from '../docker/host/plugin.js';
import { printJson } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

interface Flags {
  readonly hypervisor?: string;
  readonly bridge?: string;
  readonly attach: 'internal' | 'veth';
  readonly scope: 'local' | 'global';
  readonly socket: string;
  readonly stateDirectory: string;
  readonly ovsdb?: string;
}

/** @param where the controller, and the token to use */
export function dockerPluginCommand(where: () => { readonly url: string; readonly token: string | null }): Command {
  return new Command('docker-plugin')
    .description('run as network and IPAM plugin of the Docker engine on this host')
    .option('--hypervisor <name>', 'name of this host in Weft; default: what its Open vSwitch says')
    .option('--bridge <name>', 'the bridge that Weft programs; default: what Open vSwitch says, else br-int')
    .addOption(
      new Option('--attach <how>', 'who makes the devices of containers: this process (veth) or Weft (internal)')
        .choices(['veth', 'internal'])
        .default('veth'),
    )
    .addOption(new Option('--scope <scope>', 'global in a swarm').choices(['local', 'global']).default('local'))
    .option('--socket <path>', 'where Docker looks for it', '/run/docker/plugins/weft.sock')
    .option('--state-directory <path>', 'for what waits while Weft is away', '/var/lib/weft/docker-plugin')
    .option('--ovsdb <target>', 'the database of Open vSwitch, as ovs-vsctl takes it in --db')
    .action(async ({ hypervisor, bridge, ovsdb, ...flags }: Flags) => {
      const plugin = await Plugin.start({
        ...where(),
        ...flags,
        hypervisor: hypervisor ?? null,
        bridge: bridge ?? null,
        vsctlArguments: ovsdb === undefined ? [] : [`--db=${ovsdb}`],
        log: line => void process.stderr.write(`weft docker-plugin: ${line}\n`),
      });
      await new Promise<void>(resolve => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, resolve);
      });
      await plugin.stop();
    });
}

export function dockerForgetCommand(context: CommandContext): Command {
  return new Command('docker-forget')
    .description(
      'give up the networks, containers and addresses that the Docker engine of a hypervisor has: one that is gone, or has lost its own record of them',
    )
    .argument('<hypervisor>', 'id or name')
    .action(async (text: string) => {
      const client = context.client();
      const id = await resolve(client, 'hypervisors', text);
      const { body } = await client.send('POST', `/docker/v1/${id}/Weft.Forget`, {});
      const { Forgotten: forgotten, Err: refused } = body as { readonly Forgotten?: number; readonly Err?: string };
      if (refused !== undefined) throw new Error(refused);
      if (context.output() === 'json') printJson({ forgotten });
      else process.stdout.write(`${forgotten ?? 0} logical switch ports are gone\n`);
    });
}
