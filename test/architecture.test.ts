/**
 * Holds the house together: who may import whom (docs/architecture.md has the same table in words), and the few rules
 * of form that a linter does not know. It reads the tree as text, so it costs nothing to run.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorTable } from '../src/base/errors.js';

/** The root of the project: this file runs as dist/test/architecture.test.js. */
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const topFolders = ['src', 'southbound', 'northbound', 'migrations', 'lab', 'bench', 'test'];

interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative import, otherwise null. */
  readonly target: string | null;
  /** Gone when the program runs. */
  readonly isType: boolean;
}

interface SourceFile {
  /** Path from the root, such as `src/base/clock.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly code: string;
  readonly imports: readonly Import[];
}

function* typeScriptFiles(folder: string): Iterable<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== 'node_modules') yield* typeScriptFiles(path);
    else if (/\.[cm]?ts$/.test(entry.name)) yield path;
  }
}

const importPatterns = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g,
];

function readSource(absolute: string): SourceFile {
  const path = relative(root, absolute);
  const text = readFileSync(absolute, 'utf8');
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
  const imports = importPatterns.flatMap(pattern =>
    [...code.matchAll(pattern)].map(([statement, specifier = '']): Import => {
      const target = specifier.startsWith('.') ? join(dirname(path), specifier).replace(/\.js$/, '.ts') : null;
      return { specifier, target, isType: /^\s*(?:import|export)\s+type\b/.test(statement) };
    }),
  );
  return { path, text, code, imports };
}

function sources(): readonly SourceFile[] {
  const present = readdirSync(root);
  return topFolders
    .filter(folder => present.includes(folder))
    .flatMap(folder => [...typeScriptFiles(join(root, folder))])
    .map(readSource);
}

/** Who may import what. The first row whose `of` is a prefix of the path counts; its own folder is always allowed. */
interface Row {
  readonly of: string;
  readonly may: readonly string[];
  /** Of what it may know the shape and use nothing: the objects themselves are handed to it by main. */
  readonly mayKnow?: readonly string[];
}

/** The words of OpenFlow (matches, actions, message types) without anything that holds a connection. */
const openflowVocabulary = [
  'southbound/openflow/oxm.ts',
  'southbound/openflow/action.ts',
  'southbound/openflow/actions.ts',
  'southbound/openflow/match.ts',
  'southbound/openflow/instructions.ts',
  'southbound/openflow/text.ts',
  'southbound/openflow/messages/',
];
const compilerFoundation = ['src/base/', 'src/model/', 'src/view/', ...openflowVocabulary];
/** What a room builds on, besides the foundation. Rooms meet in nouns and stages, never in each other. */
const roomFoundation = [
  'src/compiler/pipeline/',
  'src/compiler/rule.ts',
  'src/compiler/fragment.ts',
  'src/compiler/identifiers.ts',
];
const rooms = [...foldersOf('src/compiler')].filter(folder => folder !== 'src/compiler/pipeline/');

const table: readonly Row[] = [
  { of: 'src/main.ts', may: [''] },
  {
    of: 'src/controller.ts',
    may: [
      'src/base/',
      'src/model/',
      'src/store/',
      'src/view/',
      'src/compiler/',
      'src/delivery/',
      'src/slow-path/',
      'southbound/',
    ],
  },
  { of: 'src/base/', may: [] },
  { of: 'src/config/', may: ['src/base/'] },
  { of: 'src/trust/', may: ['src/base/'] },
  { of: 'src/model/', may: ['src/base/'] },
  { of: 'src/store/', may: ['src/base/', 'src/model/', 'migrations/'] },
  { of: 'migrations/', may: ['src/base/', 'src/model/'] },
  { of: 'src/view/', may: ['src/base/', 'src/model/'] },
  { of: 'src/compiler/rules.ts', may: ['src/compiler/'] },
  { of: 'src/compiler/pipeline/', may: [...compilerFoundation, ...roomFoundation] },
  ...rooms.map(room => ({ of: room, may: [...compilerFoundation, ...roomFoundation] })),
  { of: 'src/compiler/', may: compilerFoundation },
  {
    of: 'src/delivery/',
    may: [
      'src/base/',
      'src/model/',
      'src/compiler/compiler.ts',
      'src/compiler/fragment.ts',
      'src/compiler/identifiers.ts',
      'southbound/',
    ],
  },
  { of: 'src/trace/', may: ['src/base/', 'src/model/', 'src/view/', 'src/compiler/', ...openflowVocabulary] },
  {
    of: 'src/slow-path/',
    may: [
      'src/base/',
      'src/model/',
      'src/view/',
      'src/store/',
      'src/compiler/punts/',
      'southbound/openflow/',
      'southbound/wire/',
    ],
    mayKnow: ['southbound/hypervisor/'],
  },
  { of: 'southbound/wire/', may: [] },
  { of: 'southbound/openflow/', may: ['southbound/wire/'] },
  { of: 'southbound/ovsdb/', may: ['southbound/wire/'] },
  { of: 'southbound/hypervisor/', may: ['src/base/', 'southbound/openflow/', 'southbound/ovsdb/'] },
  {
    of: 'northbound/rest/',
    may: ['src/base/', 'src/model/', 'src/store/', 'src/view/', 'src/delivery/convergence.ts'],
    mayKnow: ['src/delivery/', 'src/slow-path/', 'src/trace/', 'src/trust/', 'southbound/hypervisor/'],
  },
  {
    of: 'northbound/neutron/',
    may: ['src/base/', 'src/model/', 'northbound/rest/'],
    mayKnow: ['src/store/', 'src/view/'],
  },
  // What runs on a host is small: it loads nothing of the model.
  { of: 'northbound/docker/host/', may: ['src/base/'] },
  { of: 'northbound/docker/', may: ['src/base/', 'src/model/', 'northbound/rest/'], mayKnow: ['src/store/'] },
  { of: 'northbound/client/', may: [] },
  {
    of: 'northbound/cli/',
    may: ['src/base/', 'src/model/', 'src/trust/', 'northbound/client/', 'northbound/docker/host/', 'lab/'],
    mayKnow: ['northbound/rest/'],
  },
  { of: 'northbound/cni/', may: ['src/base/', 'northbound/client/', 'southbound/ovsdb/'] },
  { of: 'northbound/', may: ['src/base/', 'src/model/', 'northbound/rest/', 'northbound/client/'] },
  { of: 'lab/', may: [''] },
  { of: 'bench/', may: [''] },
  { of: 'test/', may: [''] },
];

function* foldersOf(folder: string): Iterable<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (entry.isDirectory()) yield `${folder}/${entry.name}/`;
  }
}

/** The folder of a row, which is always open to itself; a row of one file opens nothing. */
const ownFolder = ({ of }: Row): readonly string[] => (of.endsWith('/') && of !== 'src/compiler/' ? [of] : []);

/** The engine's own files: those directly in src/compiler, and not the list of rooms. */
const isEngine = (path: string): boolean => dirname(path) === 'src/compiler' && basename(path) !== 'rules.ts';

function allowed(row: Row, target: string, isType = false): boolean {
  if (row.of === 'src/compiler/' && isEngine(target)) return true;
  if (isType && row.mayKnow?.some(prefix => target.startsWith(prefix)) === true) return true;
  return [...ownFolder(row), ...row.may].some(prefix => target.startsWith(prefix));
}

const files = sources();
const forbiddenWords = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'misc']);
const lineLimit = 400;

/** What is run by hand, beside what it shows; nothing imports it. */
const programs = new Set([
  'src/compiler/pipeline/print-map.ts',
  'test/documentation/write-docs.ts',
  'northbound/docker/host/main.ts',
]);

/** Files that may be longer than the limit, and why. */
const longFiles: ReadonlyMap<string, string> = new Map([
  ['test/store/networks.test.ts', 'one table of what the store refuses, and why'],
  ['northbound/client/api.ts', 'written from the OpenAPI document'],
  ['test/delivery/real-switch.test.ts', 'one fixture of daemons for all its cases'],
]);

describe('The architecture', () => {
  it('lets imports run one way', () => {
    const violations: string[] = [];
    for (const { path, imports } of files) {
      const row = table.find(({ of }) => path.startsWith(of));
      if (row === undefined) {
        violations.push(`${path} is in no row of the table`);
        continue;
      }
      for (const { target, specifier, isType } of imports) {
        if (target !== null && !allowed(row, target, isType)) violations.push(`${path} imports ${specifier}`);
      }
    }
    assert.deepEqual(violations, []);
  });

  it('would notice what it forbids', () => {
    for (const [path, target] of [
      ['src/base/clock.ts', 'src/model/index.ts'],
      ['src/view/feed.ts', 'src/store/store.ts'],
      ['src/compiler/switching/flooding.ts', 'src/compiler/routing/router.ts'],
      ['src/compiler/switching/flooding.ts', 'src/compiler/compiler.ts'],
      ['src/compiler/switching/flooding.ts', 'southbound/openflow/connection.ts'],
      ['src/compiler/compiler.ts', 'src/compiler/rules.ts'],
      ['src/compiler/compiler.ts', 'src/compiler/switching/flooding.ts'],
      ['src/delivery/encoding.ts', 'src/compiler/pipeline/stage.ts'],
      ['src/delivery/fleet.ts', 'src/view/network-view.ts'],
      ['northbound/rest/server.ts', 'src/delivery/reconciler.ts'],
      ['southbound/openflow/connection.ts', 'src/base/clock.ts'],
    ] as const) {
      const row = table.find(({ of }) => path.startsWith(of));
      assert.ok(row !== undefined && !allowed(row, target), `${path} may import ${target}`);
    }
  });

  it('sees the imports of every file', () => {
    const relatives = files.flatMap(({ path, imports }) =>
      imports.flatMap(({ target }) => (target === null ? [] : [{ path, target }])),
    );
    assert.ok(relatives.length > files.length);
    const known = new Set(files.map(({ path }) => path));
    const unknown = relatives.filter(({ target }) => target.endsWith('.ts') && !known.has(target));
    assert.deepEqual(unknown, []);
  });

  it('lets nothing import main or a program', () => {
    const ends = new Set<string | null>([...programs, 'src/main.ts']);
    const importers = files.filter(({ imports }) => imports.some(({ target }) => ends.has(target)));
    assert.deepEqual(
      importers.map(({ path }) => path),
      [],
    );
  });

  it('keeps clocks, randomness and the machine out of the compiler', () => {
    const sourcesOfChange = /\b(Date\.now|new Date\b|performance\.|Math\.random|randomUUID|setTimeout|process\.)/;
    const violations = files
      .filter(({ path }) => path.startsWith('src/compiler/') && !programs.has(path))
      .filter(
        ({ code, imports }) =>
          sourcesOfChange.test(code) ||
          imports.some(({ specifier, target }) => specifier.startsWith('node:') || target === 'src/base/clock.ts'),
      );
    assert.deepEqual(
      violations.map(({ path }) => path),
      [],
    );
  });

  it('loads no package at every start that is needed seldom or not at all', () => {
    const heavy: Readonly<Record<string, readonly string[]>> = {
      typebox: [],
      typeorm: ['src/store/entities.ts', 'src/store/schema.ts'],
    };
    const violations = sources()
      .filter(({ path }) => /^(src|northbound|southbound|migrations)\//.test(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ specifier, isType }) => !isType && heavy[specifier]?.includes(path) === false)
          .map(({ specifier }) => `${path} imports ${specifier}`),
      );
    assert.deepEqual(violations, []);
  });

  it('has no code of an error that nothing is refused with', () => {
    const program = files.filter(
      ({ path }) => /^(src|northbound|southbound)\//.test(path) && path !== 'src/base/errors.ts',
    );
    const unused = Object.keys(errorTable).filter(each => !program.some(({ code }) => code.includes(`'${each}'`)));
    assert.deepEqual(unused, []);
  });

  it('reads the environment in one place', () => {
    const readers = files.filter(
      ({ path, code }) =>
        /\bprocess\.env\b/.test(code) && /^(src|southbound|northbound\/(rest|neutron|docker|cni|web))\//.test(path),
    );
    // The environment is what the plugin is asked by.
    const entries = ['src/main.ts', 'northbound/cni/weft-cni.ts'];
    assert.deepEqual(
      readers.map(({ path }) => path).filter(path => !entries.includes(path) && !path.startsWith('src/config/')),
      [],
    );
  });

  it('names files and folders in kebab-case, after what they are', () => {
    const violations: string[] = [];
    for (const { path } of files) {
      for (const part of path.replace(/(\.test)?(\.d)?\.[cm]?ts$/, '').split('/')) {
        if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part)) violations.push(`${path}: ${part} is not kebab-case`);
        if (forbiddenWords.has(part.split('-').at(-1) ?? '')) violations.push(`${path}: ${part} says nothing`);
      }
    }
    assert.deepEqual([...new Set(violations)], []);
  });

  it('exports by name, and has one barrel', () => {
    const defaults = files.filter(({ code }) => /^\s*export\s+default\b/m.test(code));
    const reexport = /^\s*export\s+(?:type\s+)?(?:\*|\{[^}]*\})[^;]*?\bfrom\b[^;]*;\s*/gm;
    const barrels = files.filter(
      ({ path, code }) =>
        path !== 'src/model/index.ts' && code.trim() !== '' && code.replace(reexport, '').trim() === '',
    );
    assert.deepEqual(
      [...defaults, ...barrels].map(({ path }) => path),
      [],
    );
  });

  it('keeps files short enough to be read', () => {
    const long = files
      .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > lineLimit && !longFiles.has(path));
    assert.deepEqual(long, []);
    const stale = [...longFiles.keys()].filter(path => !files.some(file => file.path === path));
    assert.deepEqual(stale, []);
  });
});
