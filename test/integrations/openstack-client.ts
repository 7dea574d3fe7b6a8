/** The `openstack` command line client and openstacksdk of the machine, unmodified, as a user calls them. */
import assert from 'node:assert/strict';
import { type CommandResult, run } from '../../lab/processes.js';

export type Row = Readonly<Record<string, unknown>>;

/** Python and its imports, on a busy machine. */
const ANSWERS_WITHIN_MS = 120_000;

export class OpenstackClient {
  /** Commands that were run, without what names the cloud, in order. */
  readonly said: string[] = [];

  /** `cloud` are the arguments that name the cloud and the caller. */
  constructor(private readonly cloud: readonly string[]) {}

  private async run(words: readonly string[], options: { allowFailure?: boolean } = {}): Promise<CommandResult> {
    this.said.push(words.filter(word => word !== '-f' && word !== 'json').join(' '));
    return run(['openstack', ...this.cloud, ...words], {
      timeoutMs: ANSWERS_WITHIN_MS,
      // Nothing of the caller's own cloud, and no proxy between.
      environment: { OS_CLOUD: '', NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', HOME: '/nonexistent' },
      ...options,
    });
  }

  /** The object that a command prints. */
  async one(line: string, ...more: readonly string[]): Promise<Row> {
    const { stdout } = await this.run([...line.split(' '), ...more, '-f', 'json']);
    return JSON.parse(stdout) as Row;
  }

  /** The list that a command prints. */
  async many(line: string, ...more: readonly string[]): Promise<readonly Row[]> {
    const { stdout } = await this.run([...line.split(' '), ...more, '-f', 'json']);
    return JSON.parse(stdout) as readonly Row[];
  }

  /** A command that prints nothing. */
  async done(line: string, ...more: readonly string[]): Promise<void> {
    await this.run([...line.split(' '), ...more]);
  }

  /** A command that fails, and what it says. */
  async fails(line: string, message: RegExp): Promise<void> {
    const { status, stderr } = await this.run(line.split(' '), { allowFailure: true });
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
