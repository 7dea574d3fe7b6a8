/** `weft log`: what security groups had logged of their verdicts. */
import { Command } from 'commander';
import type { JsonObject } from '../client/client.js';
import { printJson, printObjects } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

interface Log {
  readonly items: readonly JsonObject[];
  /** Whether the Weft that was asked is the one that switches send packets to. */
  readonly is_active: boolean;
}

const columns = [
  ...(['at', 'verdict', 'direction', 'protocol', 'source', 'source_port', 'destination', 'destination_port'] as const),
  ...(['logical_switch_port_id', 'security_group_rule_id', 'suppressed'] as const),
];

export function logCommand(context: CommandContext): Command {
  return new Command('log')
    .description('the latest verdicts that a security group had logged, the newest first')
    .argument('<security group>', 'its id or name')
    .action(async (text: string) => {
      const client = context.client();
      const id = await resolve(client, 'security-groups', text);
      const { body } = await client.send('GET', `/v1/security-groups/${id}/log`);
      const { items, is_active: isActive } = body as Log;
      if (context.output() === 'json') printJson(body);
      else printObjects(columns, items, 'table');
      if (!isActive)
        process.stderr.write('weft: this controller stands by; the one that holds the lease has the log\n');
    });
}
