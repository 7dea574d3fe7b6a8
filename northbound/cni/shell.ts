/**
 * Shell scripts: several programs for the price of starting one process. Values come as arguments and never as text of the script, so that
 * nothing of them is read as a command.
 */
import { spawn } from 'node:child_process';
import { CniError } from './cni-error.js';

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

const longestMs = 60_000;

/** The system's sbin directories are not in every runtime's path; what programs say is compared in English. */
const everyScript = 'PATH="${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL\n';

/** Runs a script with these variables, and gives how it ended. @throws CniError where there is no shell */
export function shell(script: string, variables: Readonly<Record<string, string>>): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const names = Object.keys(variables);
    const assignments = names.map((name, place) => `${name}="\${${place + 1}}"; export ${name}\n`).join('');
    const child = spawn(
      '/bin/sh',
      ['-euc', `${everyScript}${assignments}${script}`, 'sh', ...Object.values(variables)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: longestMs,
        killSignal: 'SIGKILL',
      },
    );
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', error => reject(new CniError('commandFailed', error.message, '', { cause: error })));
    child.on('close', status =>
      resolve({ status, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString().trim() }),
    );
  });
}
