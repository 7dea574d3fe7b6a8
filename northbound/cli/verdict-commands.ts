/** `weft verdict` and `weft explain`: would this packet pass, and who decides. */
import { Command } from 'commander';
import type { JsonObject } from '../client/client.js';
import { printJson } from './output.js';
import { type CommandContext, resolve } from './verb-commands.js';

interface Named {
  readonly id: string;
  readonly name: string;
}

interface PortVerdict {
  readonly port: Named;
  readonly direction: string;
  readonly verdict: string;
  readonly decided_by: string;
  readonly rule: { readonly id: string; readonly priority: number; readonly security_group: Named } | null;
}

interface Stage {
  readonly stage: string;
  readonly flow: string | null;
  readonly priority: number | null;
  readonly of: { readonly kind: string; readonly id: string } | null;
}

interface Verdict {
  readonly verdict: string;
  readonly reason: string;
  readonly help: string;
  readonly packet: Readonly<Record<string, string | number>>;
  readonly ports: readonly PortVerdict[];
  readonly delivered_to: readonly Named[];
  readonly dropped_at: string | null;
  readonly path?: readonly { readonly hypervisor: string; readonly stages: readonly Stage[] }[];
}

type Flags = Readonly<Record<string, string | undefined>>;

const print = (text = ''): void => void process.stdout.write(`${text}\n`);
const nameOf = ({ id, name }: Named): string => (name === '' ? id : name);
const past: Readonly<Record<string, string>> = { allow: 'allowed', drop: 'dropped', reject: 'rejected' };

/** Who decided, as the end of a sentence. */
function decider({ decided_by: by, rule }: PortVerdict): string {
  switch (by) {
    case 'rule':
      return rule === null
        ? 'by a rule that you do not see'
        : `by rule ${rule.id} of security group ${nameOf(rule.security_group)} (priority ${rule.priority})`;
    case 'default_deny':
      return 'by default: no rule matches, and its groups isolate it';
    case 'not_isolated':
      return 'since no rule matches, and no group isolates it';
    case 'always_allowed':
      return 'as every port may say this';
    default:
      return 'since it has no security groups';
  }
}

function packetLine(packet: Verdict['packet']): string {
  const end = (ip: string | number | undefined, port: string | number | undefined): string =>
    port === undefined ? `${ip}` : `${ip} port ${port}`;
  const icmp = packet['icmp_type'] === undefined ? '' : ` type ${packet['icmp_type']} code ${packet['icmp_code']}`;
  const [source, destination] = [
    end(packet['source_ip'], packet['source_port']),
    end(packet['destination_ip'], packet['destination_port']),
  ];
  return `${packet['protocol']}${icmp} from ${source} to ${destination}`;
}

/** What a person reads: the verdict first, then who decided it. */
export function describeVerdict(verdict: Verdict): readonly string[] {
  const { reason, help, packet, ports, delivered_to: to, dropped_at: at } = verdict;
  const outcome =
    reason === 'delivered'
      ? `${verdict.verdict}: ${to.map(nameOf).join(', ')} gets it`
      : `${verdict.verdict}: ${reason}`;
  return [
    outcome,
    `  ${packetLine(packet)}`,
    ...ports.map(
      each =>
        `  ${each.direction.padEnd(7)}  ${nameOf(each.port)}: ${past[each.verdict] ?? each.verdict} ${decider(each)}`,
    ),
    ...(at === null ? [] : [`  ends in ${at}`]),
    ...(reason === 'delivered' ? [] : [`  ${help}`]),
  ];
}

function describePath({ path }: Verdict): readonly string[] {
  if (path === undefined) return ['', 'The path is for operators.'];
  return path.flatMap(({ hypervisor, stages }) => [
    '',
    `on ${hypervisor}`,
    ...stages.map(({ stage, flow, priority, of }) =>
      `  ${stage.padEnd(22)}  ${flow === null ? 'no flow' : `${flow} ${priority}`.padEnd(30)}  ${of === null ? '' : `${of.kind} ${of.id}`}`.trimEnd(),
    ),
  ]);
}

const options: readonly (readonly [flag: string, parameter: string, description: string])[] = [
  ['--to-ip <ip>', 'to_ip', 'the address that it is for'],
  ['--protocol <name>', 'protocol', 'tcp, udp, icmp, ... (default: tcp with --port, else icmp)'],
  ['--port <number>', 'port', 'destination port'],
  ['--source-port <number>', 'source_port', 'source port'],
  ['--icmp-type <number>', 'icmp_type', 'ICMP type (default: echo request)'],
  ['--icmp-code <number>', 'icmp_code', 'ICMP code'],
  ['--source-ip <ip>', 'source_ip', 'another source address than that of the port: asks port security'],
  ['--source-mac <mac>', 'source_mac', 'another source MAC'],
  ['--length <bytes>', 'length', 'of the frame'],
];

const attributeOf = (parameter: string): string =>
  parameter.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function askCommand(context: CommandContext, name: string, description: string, explain: boolean): Command {
  const command = new Command(name)
    .description(description)
    .argument('<from>', 'the port that sends it: id or name')
    .argument('[to]', 'the port that it is for, or an address');
  for (const [flag, , text] of options) command.option(flag, text);
  return command.action(async (from: string, to: string | undefined, flags: Flags) => {
    const client = context.client();
    const query = new URLSearchParams(explain ? { explain: 'true' } : {});
    for (const [, parameter] of options) {
      const text = flags[attributeOf(parameter)];
      if (text !== undefined) query.set(parameter, text);
    }
    if (to !== undefined) {
      if (/^[\d.]+$|:/.test(to)) query.set('to_ip', to);
      else query.set('to_port_id', await resolve(client, 'logical-switch-ports', to));
    }
    const id = await resolve(client, 'logical-switch-ports', from);
    const { body } = await client.send('GET', `/v1/logical-switch-ports/${id}/verdict?${query.toString()}`);
    if (context.output() === 'json') printJson(body as JsonObject);
    else
      for (const line of [...describeVerdict(body as Verdict), ...(explain ? describePath(body as Verdict) : [])])
        print(line);
    if ((body as Verdict).verdict !== 'allow') process.exitCode = 4;
  });
}

export const verdictCommand = (context: CommandContext): Command =>
  askCommand(
    context,
    'verdict',
    'would this packet pass, and by which rule? nothing is sent; exits with 4 if it would not',
    false,
  );

export const explainCommand = (context: CommandContext): Command =>
  askCommand(context, 'explain', 'the same with every stage on its way, and what decides there', true);
