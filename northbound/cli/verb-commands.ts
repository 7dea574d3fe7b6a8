/** The verbs of the command line (create, list, show, set, delete), each for every noun, derived from its declaration. */
import { Command, Option } from 'commander';
import { type Kind, kinds, resourceOf } from '../../src/model/index.js';
import { looksLikeUuid } from '../../src/model/value-types.js';
import type { CollectionName, Filter, JsonObject, WeftClient } from '../client/client.js';
import { type Output, printObject, printObjects } from './output.js';
import { parseValue, type SettableMember, settableMembers } from './values.js';

export interface CommandContext {
  readonly client: () => WeftClient;
  readonly output: () => Output;
}

type Flags = Readonly<Record<string, string | boolean | undefined>>;

const shortNames: Readonly<Partial<Record<Kind, string>>> = {
  hypervisors: 'hv',
  'logical-switches': 'ls',
  subnets: 'sn',
  'security-groups': 'sg',
  'security-group-rules': 'sgr',
  'address-sets': 'as',
  'logical-switch-ports': 'lsp',
  'logical-routers': 'lr',
  'logical-router-ports': 'lrp',
  'static-routes': 'sr',
  'policy-routes': 'pr',
  'static-neighbours': 'stn',
  'bfd-sessions': 'bfd',
  'virtual-addresses': 'va',
  'qos-rules': 'qos',
};

const waitFlag = (): Option =>
  new Option('--wait [ms]', 'wait until every connected hypervisor concerned has it (default 5000 ms)');

type Build = (kind: Kind, context: CommandContext) => Command;

const verbs: Readonly<Record<string, { readonly description: string; readonly build: Build }>> = {
  create: { description: 'create an object', build: createCommand },
  list: { description: 'list the objects of a collection', build: listCommand },
  show: { description: 'show one object', build: showCommand },
  set: { description: 'change an object', build: setCommand },
  delete: { description: 'delete objects', build: deleteCommand },
};

/** `weft VERB NOUN …`; a noun goes by its singular, by the name of its collection, and by its initials. */
export function verbCommands(context: CommandContext): Command[] {
  const exposed = kinds.filter(kind => resourceOf(kind).exposed);
  return Object.entries(verbs).map(([verb, { description, build }]) => {
    const command = new Command(verb).description(description);
    for (const kind of exposed) {
      const noun = build(kind, context).name(resourceOf(kind).singular).alias(kind);
      const shortName = shortNames[kind];
      if (shortName !== undefined) noun.alias(shortName);
      command.addCommand(noun);
    }
    return command;
  });
}

/** Every object of a collection that is named when the program runs. */
function listOf(client: WeftClient, kind: Kind, filter: JsonObject): Promise<readonly JsonObject[]> {
  // Only exposed nouns have commands, and those are the collections.
  return client.list(kind as CollectionName, filter as Filter<CollectionName>) as Promise<
    readonly unknown[]
  > as Promise<readonly JsonObject[]>;
}

/** The id of an object given by id or by a name that only it has. */
export async function resolve(client: WeftClient, kind: Kind, text: string): Promise<string> {
  if (looksLikeUuid(text)) return text.toLowerCase();
  const found = await listOf(client, kind, { name: text });
  const [first, second] = found;
  if (first === undefined) throw new Error(`no ${resourceOf(kind).singular} is named "${text}"`);
  if (second !== undefined) throw new Error(`${found.length} ${kind} are named "${text}"; give the id of one`);
  return String(first['id']);
}

/** `--logical-switch web` reads better than `--logical-switch-id …`, and a name does for both. */
const flagsOf = (member: SettableMember): string[] =>
  member.refersTo === null ? [member.flag] : [member.flag, member.flag.replace(/-id$/, '')];

function addMemberOptions(command: Command, members: readonly SettableMember[], forChange: boolean): void {
  for (const member of members) {
    if (forChange && member.immutable) continue;
    for (const [index, flag] of flagsOf(member).entries()) {
      const option = new Option(`${flag} <value>`, member.description);
      command.addOption(index === 0 ? option : option.hideHelp());
    }
  }
}

async function bodyOf(
  client: WeftClient,
  members: readonly SettableMember[],
  flags: Flags,
): Promise<Record<string, unknown>> {
  const body: Record<string, unknown> = {};
  for (const member of members) {
    for (const flag of flagsOf(member)) {
      const attribute = flag.slice(2).replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
      const text = flags[attribute];
      if (typeof text !== 'string') continue;
      const value = parseValue(member, text);
      body[member.member] =
        member.refersTo === null || value === null ? value : await resolve(client, member.refersTo, text);
    }
  }
  return body;
}

function waitQuery(flags: Flags): string {
  const { wait } = flags;
  if (wait === undefined) return '';
  return `?wait=applied${typeof wait === 'string' ? `&timeout_ms=${encodeURIComponent(wait)}` : ''}`;
}

function printWritten(
  kind: Kind,
  context: CommandContext,
  reply: { readonly status: number; readonly body: unknown },
): void {
  if (reply.status !== 202) return printObject(kind, reply.body as JsonObject, context.output());
  printObject(null, reply.body as JsonObject, context.output());
  process.exitCode = 3;
}

function listCommand(kind: Kind, context: CommandContext): Command {
  const command = new Command().description(`list ${kind}`).option('--label <key=value>', 'only those with the label');
  const resource = resourceOf(kind);
  command.option('--name <name>', 'only those of this name').option('--project-id <id>', 'only those of this project');
  const references = settableMembers(kind).filter(member => member.refersTo !== null);
  addMemberOptions(command, references, false);
  return command.action(async (flags: Flags) => {
    const client = context.client();
    const { name, projectId, label } = flags;
    const filter = { ...(await bodyOf(client, references, flags)), name, project_id: projectId, label };
    printObjects(resource.columns, await listOf(client, kind, filter), context.output());
  });
}

function showCommand(kind: Kind, context: CommandContext): Command {
  const { singular } = resourceOf(kind);
  return new Command()
    .description(`show one ${singular}`)
    .argument('<id or name>')
    .action(async (text: string) => {
      const client = context.client();
      const { body } = await client.send('GET', `/v1/${kind}/${await resolve(client, kind, text)}`);
      printObject(kind, body as JsonObject, context.output());
    });
}

function createCommand(kind: Kind, context: CommandContext): Command {
  const { singular, fields } = resourceOf(kind);
  const members = settableMembers(kind);
  const command = new Command().description(`create a ${singular}`);
  command.argument(fields.name.presence === 'required' ? '<name>' : '[name]');
  addMemberOptions(command, members, false);
  command.option('--id <uuid>', 'its id; a second create with the same id and members does nothing');
  return command.addOption(waitFlag()).action(async (name: string | undefined, flags: Flags) => {
    const client = context.client();
    const body = await bodyOf(client, members, flags);
    if (name !== undefined) body['name'] = name;
    if (typeof flags['id'] === 'string') body['id'] = flags['id'];
    printWritten(kind, context, await client.send('POST', `/v1/${kind}${waitQuery(flags)}`, body));
  });
}

function setCommand(kind: Kind, context: CommandContext): Command {
  const { singular } = resourceOf(kind);
  const members = settableMembers(kind);
  const command = new Command().description(`change a ${singular}`).argument('<id or name>');
  addMemberOptions(command, members, true);
  command.option('--name <name>', 'its new name');
  return command.addOption(waitFlag()).action(async (text: string, flags: Flags) => {
    const client = context.client();
    const body = await bodyOf(client, members, flags);
    if (typeof flags['name'] === 'string') body['name'] = flags['name'];
    const id = await resolve(client, kind, text);
    printWritten(kind, context, await client.send('PATCH', `/v1/${kind}/${id}${waitQuery(flags)}`, body));
  });
}

function deleteCommand(kind: Kind, context: CommandContext): Command {
  const { singular } = resourceOf(kind);
  const command = new Command().description(`delete ${singular}s`).argument('<id or name...>');
  if (kind !== 'hypervisors') command.option('--cascade', 'delete what depends on it too');
  return command.addOption(waitFlag()).action(async (texts: readonly string[], flags: Flags) => {
    const client = context.client();
    for (const text of texts) {
      const query = new URLSearchParams(waitQuery(flags).slice(1));
      if (flags['cascade'] === true) query.set('cascade', 'true');
      const id = await resolve(client, kind, text);
      const reply = await client.send('DELETE', `/v1/${kind}/${id}?${query.toString()}`);
      if (reply.status === 202) printWritten(kind, context, reply);
    }
  });
}
