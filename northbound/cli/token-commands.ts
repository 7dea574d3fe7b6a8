/** `weft token`: tokens for callers, with words that are shorter than those of any noun. `weft usage` tells what a project has. */
import { Command, Option } from 'commander';
import { roles } from '../../src/model/audience.js';
import type { JsonObject } from '../client/client.js';
import { printJson, printObject, printObjects } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

interface CreateFlags {
  readonly role: (typeof roles)[number];
  readonly project?: string;
  readonly scope?: readonly string[];
  readonly expires?: string;
}

const unitsMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** When it expires: a point in time, or how long from now, such as `12h` or `30d`. */
export function expiryOf(text: string, nowMs: number): string {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  return count === undefined ? text : new Date(nowMs + Number(count) * (unitsMs[unit] ?? 0)).toISOString();
}

function createCommand(context: CommandContext): Command {
  return new Command('create')
    .description('make a token; its secret is printed now, and never again')
    .argument('<name>')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).default('member'))
    .option('--project <project>', 'of which project it is; none: an admin, or a reader of everything')
    .option('--scope <scope...>', 'what it is for, such as subnets or subnets:read; default: all that its role allows')
    .option('--expires <when>', 'a point in time, or how long from now: 12h, 30d; default: never')
    .action(async (name: string, { role, project, scope, expires }: CreateFlags) => {
      const made = await context.client().create('tokens', {
        name,
        role,
        ...(project === undefined ? {} : { project_id: project }),
        ...(scope === undefined ? {} : { scopes: scope }),
        ...(expires === undefined ? {} : { expires_at: expiryOf(expires, Date.now()) }),
      });
      if (context.output() === 'json') return printJson(made);
      const { secret, ...token } = made;
      printObject('tokens', token, 'table');
      process.stdout.write(`\n${String(secret)}\n`);
    });
}

function listCommand(context: CommandContext): Command {
  return new Command('list').description('list tokens').action(async () => {
    const columns = ['id', 'name', 'role', 'project_id', 'scopes', 'expires_at', 'last_used_at'];
    printObjects(
      columns,
      (await context.client().list('tokens')).map(token => ({ ...token })),
      context.output(),
    );
  });
}

function revokeCommand(context: CommandContext): Command {
  return new Command('revoke')
    .description('revoke tokens: they are not accepted any more')
    .argument('<token...>', 'ids or names')
    .action(async (texts: readonly string[]) => {
      const client = context.client();
      for (const text of texts) await client.delete('tokens', await resolve(client, 'tokens', text));
    });
}

export function tokenCommand(context: CommandContext): Command {
  const command = new Command('token').description('who may ask: create, list and revoke tokens');
  for (const build of [createCommand, listCommand, revokeCommand]) command.addCommand(build(context));
  return command;
}

export function usageCommand(context: CommandContext): Command {
  return new Command('usage')
    .description('how many objects a project has, and may have')
    .argument('[project]', 'default: that of the token')
    .action(async (project: string | undefined) => {
      const query = project === undefined ? {} : { project_id: project };
      const { body } = await context.client().request('GET /v1/usage', { query });
      printObjects(['kind', 'used', 'limit'], (body as { items: JsonObject[] }).items, context.output());
    });
}
