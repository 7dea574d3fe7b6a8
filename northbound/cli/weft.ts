#!/usr/bin/env node
/** `weft`: the command line client. Everything about nouns comes from the model; the lab's commands from lab/. */
import { Command, Option } from 'commander';
import { labCommand } from '../../lab/command.js';
import { type JsonObject, ProblemError, queryText, UnreachableError, WeftClient } from '../client/client.js';
import { type CommandContext, resolve, verbCommands } from './verb-commands.js';
import { cellOf } from './table.js';
import { dockerForgetCommand, dockerPluginCommand } from './docker-command.js';
import { countersCommand } from './counter-commands.js';
import { logCommand } from './log-command.js';
import { explainCommand, verdictCommand } from './verdict-commands.js';
import { hypervisorCommand, joinTokenCommand } from './enrolment-commands.js';
import { southboundCommand } from './southbound-command.js';
import { tokenCommand, usageCommand } from './token-commands.js';
import { type Output, printJson, printObject, printObjects } from './output.js';

/** Exit statuses: 1 the controller or the command refused, 2 it could not be reached, 3 written but not applied in time, 4 a verdict is no. */
const exitRefused = 1;
const exitUnreachable = 2;
/** A reply may be held as long as the controller allows (ten minutes), where --wait asks for it. */
const longestReplyMs = 630_000;

function globalOptions(program: Command): CommandContext {
  program
    .addOption(new Option('--url <url>', 'the controller').env('WEFT_URL').default('http://127.0.0.1:8080'))
    .addOption(new Option('--token <token>', 'the token to use').env('WEFT_TOKEN'))
    .addOption(new Option('-o, --output <form>', 'how to print').choices(['table', 'json']).default('table'));
  return {
    client: () => {
      const { url, token } = program.opts<{ url: string; token?: string }>();
      return new WeftClient({ url, token: token ?? null, silenceMs: longestReplyMs });
    },
    output: () => program.opts<{ output: Output }>().output,
  };
}

function waitCommand(context: CommandContext): Command {
  return new Command('wait')
    .description('wait until a revision is in force on every connected hypervisor')
    .argument('[revision]', 'default: the newest')
    .option('--timeout <ms>', 'for how long', '30000')
    .action(async (revision: string | undefined, flags: { timeout: string }) => {
      const client = context.client();
      const target = Number(revision ?? (await client.request('GET /healthz')).revision ?? 0);
      const { isApplied, report } = await client.applied(target, Number(flags.timeout));
      printObject(null, { ...report }, context.output());
      if (!isApplied) process.exitCode = 3;
    });
}

function watchCommand(context: CommandContext): Command {
  return new Command('watch')
    .description('print changes as they happen')
    .argument('[kinds]', 'collections, comma separated; default: all')
    .option('--since <revision>', 'begin after this revision')
    .action(async (kinds: string | undefined, flags: { since?: string }) => {
      const query = queryText({ kinds, since: flags.since });
      for await (const { event, data } of context.client().events(`/v1/watch${query}`)) {
        const change = data as { revision: number; kind: string; id: string; object: JsonObject | null };
        if (context.output() === 'json') process.stdout.write(`${JSON.stringify({ event, ...change })}\n`);
        else
          process.stdout.write(
            `${change.revision}  ${event.padEnd(7)}  ${change.kind}  ${change.id}  ${cellOf(change.object?.['name'] ?? '')}\n`,
          );
      }
    });
}

function dropsCommand(context: CommandContext): Command {
  return new Command('drops')
    .description('packets dropped on a hypervisor, by reason and port')
    .argument('<hypervisor>', 'id or name')
    .action(async (text: string) => {
      const client = context.client();
      const { body } = await client.send('GET', `/v1/hypervisors/${await resolve(client, 'hypervisors', text)}/drops`);
      printObjects(['reason', 'port_id', 'packets', 'help'], (body as { items: JsonObject[] }).items, context.output());
    });
}

function revisionCommand(context: CommandContext): Command {
  return new Command('revision')
    .description('who wrote a revision, and which hypervisors have it')
    .argument('<revision>')
    .action(async (revision: string) => {
      printJson((await context.client().request('GET /v1/revisions/{n}', { path: { n: revision } })).body);
    });
}

async function main(): Promise<void> {
  const program = new Command('weft')
    .description('Networks of containers and VMs on stock Open vSwitch')
    .showHelpAfterError();
  const context = globalOptions(program);
  for (const command of verbCommands(context)) program.addCommand(command);
  const own = [waitCommand, watchCommand, dropsCommand, revisionCommand, southboundCommand, tokenCommand, usageCommand];
  for (const build of [
    ...own,
    countersCommand,
    logCommand,
    verdictCommand,
    explainCommand,
    hypervisorCommand,
    joinTokenCommand,
    dockerForgetCommand,
  ])
    program.addCommand(build(context));
  program.addCommand(labCommand());
  program.addCommand(
    dockerPluginCommand(() => {
      const { url, token } = program.opts<{ url: string; token?: string }>();
      return { url, token: token ?? null };
    }),
  );
  await addPkiCommand(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Its library takes a tenth of a second to load, which no other command should wait for. */
async function addPkiCommand(program: Command): Promise<void> {
  if (!process.argv.includes('pki')) {
    program.command('pki').description('make and revoke the certificates of controllers and hosts');
    return;
  }
  const { pkiCommand } = await import('./pki-commands.js');
  program.addCommand(pkiCommand());
}

function report(error: unknown): number {
  if (error instanceof ProblemError) {
    const at = error.pointer === null || error.pointer === '' ? '' : ` at ${error.pointer}`;
    process.stderr.write(`weft: ${error.detail} (${error.code}${at})\n`);
    if (error.help !== '') process.stderr.write(`      ${error.help}\n`);
    for (const { kind, id, name } of error.related) process.stderr.write(`      ${kind} ${id} ${name ?? ''}\n`);
    return exitRefused;
  }
  if (error instanceof UnreachableError) {
    process.stderr.write(`weft: the controller cannot be reached: ${error.message}\n`);
    return exitUnreachable;
  }
  process.stderr.write(`weft: ${(error as Error).message}\n`);
  return exitRefused;
}

await main();
