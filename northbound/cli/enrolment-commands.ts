/** `weft hypervisor approve` and `weft join-token`: how new hosts become members. */
import { Command } from 'commander';
import type { JsonObject } from '../client/client.js';
import { printJson, printObject, printObjects } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

export function hypervisorCommand(context: CommandContext): Command {
  const command = new Command('hypervisor').description('let new hosts join');
  command
    .command('approve')
    .description('make hosts that wait for it members')
    .argument('<id or name...>')
    .action(async (texts: readonly string[]) => {
      const client = context.client();
      for (const text of texts) {
        const id = await resolve(client, 'hypervisors', text);
        const approved = await client.patch('hypervisors', id, { approved: true });
        printObject('hypervisors', { ...approved }, context.output());
      }
    });
  return command;
}

interface CreateFlags {
  readonly name?: string;
  readonly hypervisor?: string;
  readonly uses: string;
  readonly lifetime: string;
}

const unitS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `90m` in seconds. */
function secondsOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const factor = unitS[unit];
  if (factor === undefined) throw new Error(`--lifetime ${text} is not a number with s, m, h or d, such as 90m`);
  return Number(count) * factor;
}

export function joinTokenCommand(context: CommandContext): Command {
  const command = new Command('join-token').description('approve new hosts before they come');
  command
    .command('create')
    .description('make a token; it is shown this once')
    .option('--name <name>', 'for people')
    .option('--hypervisor <name>', 'the only host that may use it')
    .option('--uses <count>', 'how many hosts may use it', '1')
    .option('--lifetime <time>', 'how long, such as 90m, 12h or 7d', '1h')
    .action(async (flags: CreateFlags) => {
      const { name = '', hypervisor = null, uses, lifetime } = flags;
      const request = { name, system_id: hypervisor, uses: Number(uses), lifetime_s: secondsOf(lifetime) };
      const { body } = await context.client().request('POST /v1/join-tokens', { body: request });
      if (context.output() === 'json') return printJson(body);
      const { token, expires_at: expiresAt } = body as { token: string; expires_at: string };
      process.stdout.write(
        `${token}\n\nGood until ${expiresAt}. In the command with which the host joins, or beforehand:\n\n` +
          `  ovs-vsctl set Open_vSwitch . external_ids:weft-join-token=${token}\n`,
      );
    });
  command
    .command('list')
    .description('tokens that can still be used')
    .action(async () => {
      const { body } = await context.client().request('GET /v1/join-tokens');
      const { items } = body as { items: JsonObject[] };
      printObjects(['id', 'name', 'system_id', 'uses_left', 'expires_at'], items, context.output());
    });
  command
    .command('delete')
    .description('take tokens back')
    .argument('<id...>')
    .action(async (ids: readonly string[]) => {
      for (const id of ids) await context.client().request('DELETE /v1/join-tokens/{id}', { path: { id } });
    });
  return command;
}
