/** `weft counters`: what rules of security groups have decided. */
import { Command } from 'commander';
import type { Kind } from '../../src/model/index.js';
import type { JsonObject } from '../client/client.js';
import { printJson, printObjects } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

interface Counters {
  readonly packets: number;
  readonly bytes: number;
  readonly since: string | null;
  /** Names of hypervisors that could not be asked; a tenant is told how many. */
  readonly missing: number | readonly string[];
  readonly hypervisors?: readonly JsonObject[];
  readonly rules?: readonly JsonObject[];
}

function printCounters({ packets, bytes, since, missing, hypervisors, rules }: Counters): void {
  const from = since === null ? '' : ` since ${since}`;
  process.stdout.write(`${packets} packets, ${bytes} bytes${from}\n`);
  const late = typeof missing === 'number' ? missing : missing.length;
  if (late > 0) {
    const names = typeof missing === 'number' ? '' : `: ${missing.join(', ')}`;
    process.stdout.write(`without ${late} hypervisors that could not be asked${names}\n`);
  }
  const ruleColumns = ['security_group_rule_id', 'direction', 'action', 'priority', 'packets', 'bytes'];
  const sections: readonly (readonly [readonly string[], readonly JsonObject[]])[] = [
    [ruleColumns, rules ?? []],
    [['name', 'packets', 'bytes', 'since'], hypervisors ?? []],
  ];
  for (const [columns, rows] of sections) {
    if (rows.length === 0) continue;
    process.stdout.write('\n');
    printObjects(columns, rows, 'table');
  }
}

function counterCommand(context: CommandContext, kind: Kind, name: string, alias: string, what: string): Command {
  return new Command(name)
    .alias(alias)
    .description(`packets and bytes that ${what} decided, read from the switches now`)
    .argument('<id or name>')
    .action(async (text: string) => {
      const client = context.client();
      const { body } = await client.send('GET', `/v1/${kind}/${await resolve(client, kind, text)}/counters`);
      if (context.output() === 'json') printJson(body);
      else printCounters(body as Counters);
    });
}

export function countersCommand(context: CommandContext): Command {
  return new Command('counters')
    .description('packets that security groups let through and drop')
    .addCommand(counterCommand(context, 'security-groups', 'security-group', 'sg', 'each rule of the group has'))
    .addCommand(counterCommand(context, 'security-group-rules', 'security-group-rule', 'sgr', 'the rule has'));
}
