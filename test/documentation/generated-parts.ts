/**
 * The parts of the documentation that follow from the program: written by `npm run docs` between their markers, and held
 * against the program by a test.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { portStates, hypervisorStates } from '../../northbound/rest/states.js';
import { errorTable } from '../../src/base/errors.js';
import { dropReasons } from '../../src/compiler/pipeline/drop-reasons.js';
import { puntClassEntries } from '../../src/compiler/pipeline/punt-classes.js';
import { environmentName, optionDeclarations } from '../../src/config/options.js';
import type { Field } from '../../src/model/fields.js';
import { kinds, type Kind, resourceOf } from '../../src/model/index.js';
import { snakeCase } from '../../src/model/letter-case.js';
import { benchmarkParts } from './recorded-benchmarks.js';
import { fieldOf } from '../../src/model/wire.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const cell = (text: string): string => text.replaceAll('|', '\\|');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

function options(): string {
  const rows = optionDeclarations.map(({ name, help, shape, default: fallback }) => [
    `\`${environmentName(name)}\``,
    shape,
    fallback === null ? '' : `\`${fallback}\``,
    help,
  ]);
  return table(['option', 'value', 'default', 'what it is'], rows);
}

function errors(): string {
  const rows = Object.entries(errorTable).map(([code, { status, title, help, retry }]) => [
    `\`${code}\``,
    String(status),
    title,
    `${help}${retry ? ' May succeed later unchanged.' : ''}`,
  ]);
  return table(['code', 'status', 'what', 'what to do'], rows);
}

function states(of: Readonly<Record<string, string>>): string {
  return table(
    ['state', 'meaning'],
    Object.entries(of).map(([state, meaning]) => [`\`${state}\``, meaning]),
  );
}

function drops(): string {
  const rows = Object.entries(dropReasons).map(([reason, { help }]) => [`\`${reason}\``, help]);
  return table(['reason', 'what happened, and what to do'], rows);
}

function punts(): string {
  const rows = Object.entries(puntClassEntries).map(([name, { purpose, perSecond, burst, fromElsewhere }]) => [
    `\`${name}\``,
    purpose,
    `${perSecond}, at once ${burst}`,
    fromElsewhere === undefined ? '' : `${fromElsewhere.perSecond}, at once ${fromElsewhere.burst}`,
  ]);
  return table(
    [
      'class',
      'what it is, and what the answer is',
      'answers to one port in a second',
      'to each part of the senders elsewhere',
    ],
    rows,
  );
}

function howSet(field: Field): string {
  if (field.access === 'read-only') return 'read only';
  const when = field.access === 'immutable' ? ', at creation only' : '';
  if (field.presence === 'required') return `required${when}`;
  if (field.presence === 'allocated') return `allocated when left out${when}`;
  return `default \`${JSON.stringify(field.defaultValue)}\`${when}`;
}

function collection(kind: Kind): string {
  const noun = resourceOf(kind);
  const fields = noun.fieldNames
    .filter(name => fieldOf(noun, name).access !== 'internal')
    .map(name => {
      const field = fieldOf(noun, name);
      const target = field.reference === null ? '' : ` (id in \`${field.reference.kind}\`)`;
      return [`\`${snakeCase(name)}\``, howSet(field), `${field.description}${target}`];
    });
  const shorthands = Object.entries(noun.shorthands).map(([member, { description }]) => [
    `\`${member}\``,
    'at creation only',
    description,
  ]);
  const computed = Object.entries(noun.computed).map(([member, { description }]) => [
    `\`${member}\``,
    'read only',
    description,
  ]);
  const members = table(['member', 'set', 'what it is'], [...fields, ...shorthands, ...computed]);
  return `### \`/v1/${kind}\`\n\n${noun.description}\n\n${members}`;
}

function collections(): string {
  return kinds
    .filter(kind => resourceOf(kind).exposed)
    .map(collection)
    .join('\n\n');
}

/** A line for each decision, from its own head. */
function decisions(): string {
  const folder = join(root, 'docs/decisions');
  const files = readdirSync(folder).filter(name => /^\d{4}-/.test(name));
  const lines = files.toSorted().map(name => {
    const number = name.slice(0, 4);
    const [head = ''] = readFileSync(join(folder, name), 'utf8').split('\n', 1);
    if (!head.startsWith(`# ${number} `)) throw new Error(`${name} does not begin with "# ${number} " and its title`);
    return `- [${number}](${name}) ${head.slice(`# ${number} `.length)}`;
  });
  return lines.join('\n');
}

/** What each marker's part says now. */
const parts: Readonly<Record<string, () => string>> = {
  collections,
  drops,
  errors,
  options,
  'hypervisor-states': () => states(hypervisorStates),
  'port-states': () => states(portStates),
  decisions,
  'punt-classes': punts,
  ...benchmarkParts,
};

/** The pages that have generated parts, from the root of the project. */
export const pages = [
  'docs/api.md',
  'docs/operations.md',
  'docs/performance.md',
  'docs/slow-path.md',
  'docs/decisions/README.md',
] as const;

/** The page with each `<!-- generated: NAME -->` ... `<!-- end -->` filled anew. */
export function withGeneratedParts(page: string): string {
  return page.replaceAll(
    /(<!-- generated: ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => {
      const part = parts[name];
      if (part === undefined) throw new Error(`there is no generated part ${name}`);
      return `${start}${part()}\n${end}`;
    },
  );
}

/** Names of the parts that a page has. */
export function partsOf(page: string): readonly string[] {
  return [...page.matchAll(/<!-- generated: ([a-z-]+) -->/g)].map(([, name = '']) => name);
}

export const partNames: readonly string[] = Object.keys(parts);
