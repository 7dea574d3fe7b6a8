/** The `openstack` command line client and openstacksdk of the machine, unmodified, as a user calls them. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CommandError, commandEnvironment, type CommandResult, run } from '../../lab/processes.js';

export type Row = Readonly<Record<string, unknown>>;

/** Scripts are not compiled: they are where the sources are. */
export const scriptsDirectory = join(dirname(fileURLToPath(import.meta.url)), '../../../test/integrations');

/** The interpreter that has Debian's packages. */
export const PYTHON = '/usr/bin/python3';

/** Python and its imports, on a busy machine. */
const ANSWERS_WITHIN_MS = 120_000;

/** Nothing of the caller's own cloud, and no proxy between. */
const environment = { OS_CLOUD: '', NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', HOME: '/nonexistent' };

/** Runs commands of the client. */
export type Runner = (args: readonly string[]) => Promise<CommandResult>;

/** As a user does: a second and a half of Python for each command. */
export const asUsersDo: Runner = args =>
  run(['openstack', ...args], { timeoutMs: ANSWERS_WITHIN_MS, environment, allowFailure: true });

/** The client with its modules loaded once. Each command is still a process of its own: a fork of that one. */
export class OpenstackSession {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #stderr = '';

  constructor() {
    this.#child = spawn(PYTHON, [join(scriptsDirectory, 'openstack-session.py')], {
      env: commandEnvironment(environment),
    });
    this.#child.stderr.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    // It may have ended: the answer that does not come tells.
    this.#child.stdin.on('error', () => undefined);
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  readonly run: Runner = async args => {
    this.#child.stdin.write(`${JSON.stringify(args)}\n`);
    const { done, value } = await this.#answers.next();
    assert.ok(done !== true, `the client has ended: ${this.#stderr.slice(-2_000)}`);
    return JSON.parse(value) as CommandResult;
  };

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'close');
    this.#child.stdin.end();
    await gone;
  }
}

export class OpenstackClient {
  /** Commands that were run, without what names the cloud, in order. */
  readonly said: string[] = [];

  /** `cloud` are the arguments that name the cloud and the caller. */
  constructor(
    private readonly cloud: readonly string[],
    private readonly runner: Runner,
  ) {}

  private async run(words: readonly string[]): Promise<CommandResult> {
    this.said.push(words.filter(word => word !== '-f' && word !== 'json').join(' '));
    return this.runner([...this.cloud, ...words]);
  }

  private async successful(words: readonly string[]): Promise<string> {
    const result = await this.run(words);
    if (result.status !== 0) throw new CommandError(['openstack', ...words], result);
    return result.stdout;
  }

  /** The object that a command prints. */
  async one(line: string, ...more: readonly string[]): Promise<Row> {
    return JSON.parse(await this.successful([...line.split(' '), ...more, '-f', 'json'])) as Row;
  }

  /** The list that a command prints. */
  async many(line: string, ...more: readonly string[]): Promise<readonly Row[]> {
    return JSON.parse(await this.successful([...line.split(' '), ...more, '-f', 'json'])) as readonly Row[];
  }

  /** A command that prints nothing that matters. */
  async done(line: string, ...more: readonly string[]): Promise<void> {
    await this.successful([...line.split(' '), ...more]);
  }

  /** A command that fails, and what it says. */
  async fails(line: string, message: RegExp): Promise<void> {
    const { status, stderr } = await this.run(line.split(' '));
    assert.notEqual(status, 0, line);
    assert.match(stderr, message, line);
  }
}

/** The member of a row, as text. */
export const textOf = (row: Row | undefined, name: string): string => {
  const value = row?.[name];
  assert.ok(typeof value === 'string', `${name} of ${JSON.stringify(row)}`);
  return value;
};
