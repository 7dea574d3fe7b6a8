/**
 * Processes of a lab: run a command to its end, start a daemon, and find and end every process that a lab started.
 *
 * Each process that a lab starts carries `WEFT_LAB_DIRECTORY=<directory of the lab>` in its environment. The kernel keeps that in
 * /proc/PID/environ for the life of the process and its children inherit it, so a lab can be taken down completely even
 * when whoever started it was killed between starting a daemon and writing its process id down.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Name of the environment variable that marks the processes of a lab; its value is the lab's directory. */
export const LAB_MARK = 'WEFT_LAB_DIRECTORY';

/** What a finished command left. `status` is null when a signal ended it. */
export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * How long another process may take for what it does at once when it has a processor, milliseconds, before it counts as never
 * happening. Generous, for a machine with two processors that runs all lanes of the tests: what works never waits for it.
 */
export const PATIENCE_MS = 30_000;

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Written to the command's standard input, which is closed after it. */
  readonly input?: string;
  /** Default 60,000 ms; the command is killed after it. */
  readonly timeoutMs?: number;
  /** Return the result of a failed command instead of throwing. */
  readonly allowFailure?: boolean;
}

/** A command that ended with another status than 0. */
export class CommandError extends Error {
  constructor(
    readonly command: readonly string[],
    readonly result: CommandResult,
  ) {
    const said = (result.stderr.trim() || result.stdout.trim()).slice(-2000);
    super(`${command.join(' ')}: ended with ${result.status ?? 'a signal'}: ${said}`);
    this.name = 'CommandError';
  }
}

/** The environment of a lab's commands: ours, the system's sbin directories (absent after a plain `su`), and `extra`. */
export function commandEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`,
    ...extra,
  };
}

/** The words of a line, for the parts of a command that contain no blanks themselves. */
export function words(line: string): readonly string[] {
  return line.split(' ');
}

/** Runs a command without a shell. Throws CommandError on a status other than 0, unless `allowFailure`. */
export function run(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      env: commandEnvironment(options.environment),
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => undefined); // the command may end without reading its input: its status tells
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', status => {
      const result = { status, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
      if (status === 0 || options.allowFailure === true) resolve(result);
      else reject(new CommandError(command, result));
    });
  });
}

/** Pauses between two looks: of what has not come soon the next look need not be soon either, and looking takes processors. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS, LONGER_EACH_TIME] = [10, 150, 1.25];

/**
 * Calls `probe` until it returns something other than undefined or false, less often the longer it takes unless `everyMs` is given.
 * Throws, naming `what`, after `timeoutMs`.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = PATIENCE_MS,
  everyMs?: number,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * LONGER_EACH_TIME)) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(everyMs ?? pauseMs);
  }
}

/** Clock tick of a process's start since boot (field 22 of /proc/PID/stat), or null when there is no such process. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null; // the process is gone
  }
}

/** A process, told apart from a later one that got the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

export function identify(pid: number): ProcessIdentity | null {
  const startTime = startTimeOf(pid);
  return startTime === null ? null : { pid, startTime };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** Every living process that carries the mark of the lab in `directory`, except this one and its ancestors. */
export function processesOfLab(directory: string): readonly ProcessIdentity[] {
  const mark = `${LAB_MARK}=${directory}`;
  const spared = ancestors();
  const found: ProcessIdentity[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || spared.has(pid)) continue;
    if (!environmentOf(pid).includes(mark)) continue;
    const identity = identify(pid);
    if (identity !== null) found.push(identity);
  }
  return found;
}

function environmentOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch {
    return []; // gone meanwhile, or of another user and so not ours
  }
}

function ancestors(): ReadonlySet<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 1; ) {
    found.add(pid);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    pid = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return found;
}

function signal(identity: ProcessIdentity, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Ends processes: SIGTERM, and SIGKILL for those that live on after `graceMs`. Returns when all are gone. */
export async function endProcesses(processes: readonly ProcessIdentity[], graceMs = 2_000): Promise<void> {
  for (const identity of processes) signal(identity, 'SIGTERM');
  const end = performance.now() + graceMs;
  while (processes.some(isAlive) && performance.now() < end) await sleep(10);
  for (const identity of processes) signal(identity, 'SIGKILL');
  await eventually('killed processes are gone', () => !processes.some(isAlive), 5_000, 10);
}
