/**
 * `weft-cni`: the CNI plugin. One call does one command and ends: input in the environment and on standard input, the result or the error as JSON
 * on standard output (CNI specification 1.1.0; docs/cni.md).
 */
import { CniError } from './cni-error.js';
import { isObject, type JsonObject } from './json.js';
import { attachmentOf, type Command, commandOf, readRequest, versions } from './request.js';
import { errorResult, versionResult } from './result.js';

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new CniError('inputOutput', 'standard input cannot be read', (error as Error).message, { cause: error });
  }
  return Buffer.concat(chunks).toString();
}

/** The version to answer an error in: that of the input, wherever it can be made out. */
function versionIn(input: string): string {
  try {
    const parsed: unknown = JSON.parse(input);
    const version = isObject(parsed) ? parsed['cniVersion'] : undefined;
    if (typeof version === 'string') return version;
  } catch {
    // What is no JSON has no version.
  }
  return versions.at(-1) ?? '';
}

/** What to print; null: nothing. */
async function perform(command: Command, input: string): Promise<JsonObject | null> {
  if (command === 'VERSION') return versionResult(versionIn(input));
  const request = readRequest(command, process.env, input);
  // Runtimes ask for the version before everything else: what only the others need is loaded here.
  const { withContext } = await import('./context.js');
  const { add } = await import('./add.js');
  const { check, collect, remove, status } = await import('./other-commands.js');
  switch (command) {
    case 'ADD': {
      const attachment = attachmentOf(command, process.env);
      return withContext(request, context => add(context, attachment));
    }
    case 'DEL': {
      const attachment = attachmentOf(command, process.env);
      await withContext(request, context => remove(context, attachment));
      return null;
    }
    case 'CHECK': {
      const attachment = attachmentOf(command, process.env);
      await withContext(request, context => check(context, attachment));
      return null;
    }
    case 'STATUS':
      await withContext(request, status).catch((error: unknown) => {
        // Without Open vSwitch what is there has lost its network too.
        const isGone = error instanceof CniError && error.kind === 'tryAgainLater';
        throw isGone ? new CniError('limitedConnectivity', error.message, error.details, { cause: error }) : error;
      });
      return null;
    case 'GC':
      await withContext(request, collect);
      return null;
  }
}

async function main(): Promise<void> {
  let input = '';
  try {
    const command = commandOf(process.env);
    input = await readInput();
    const result = await perform(command, input);
    if (result !== null) process.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify(errorResult(error, versionIn(input)))}\n`);
    process.exitCode = 1;
  }
}

void main();
