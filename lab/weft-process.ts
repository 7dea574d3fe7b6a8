/** A Weft process of our own: started as an operator starts it, killed and started again at will. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandEnvironment, eventually } from './processes.js';
import type { ControllerPorts } from './state.js';
import { WeftClient } from './weft-client.js';

export interface WeftOptions {
  /** Holds the log, and the embedded database when there is no `databaseUrl`. */
  readonly directory: string;
  readonly httpPort: number;
  readonly controller: ControllerPorts;
  /** PostgreSQL; default: embedded. */
  readonly databaseUrl?: string;
  /** PEM files: then all listeners and REST are TLS. */
  readonly tls?: {
    readonly key: string;
    readonly certificate: string;
    /** Whom Weft believes. */
    readonly authority: string;
    /** Who has signed Weft's own certificate; default: the same. */
    readonly controllersAuthority?: string;
    readonly revoked?: string;
  };
  /** The first admin token: then callers are authenticated. */
  readonly token?: string;
  /** Arguments of Node.js itself, for instance for a profile. */
  readonly nodeArguments?: readonly string[];
  /** Further environment, for instance the mark of the lab. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A port of 127.0.0.1 that is free now: `preferred` if it is. */
export async function freePort(preferred = 0): Promise<number> {
  const server = createServer();
  const listening = await new Promise<boolean>(resolve => {
    server.once('error', () => resolve(false));
    server.listen(preferred, '127.0.0.1', () => resolve(true));
  });
  if (!listening) return freePort();
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : preferred;
}

/** Free ports for the three listeners that hypervisors dial. */
export async function freeControllerPorts(preferred?: ControllerPorts): Promise<ControllerPorts> {
  return {
    ovsdb: await freePort(preferred?.ovsdb),
    openflow: await freePort(preferred?.openflow),
    punt: await freePort(preferred?.punt),
  };
}

/** As in `npm start` and in the container: V8's young generation, in megabytes (docs/decisions/0021). */
const NODE_ARGUMENTS = ['--max-semi-space-size=8'];

/** First start makes the embedded database, which takes seconds on a slow machine, and minutes where others take the processors. */
const READY_TIMEOUT_MS = 180_000;

export class WeftProcess {
  readonly client: WeftClient;
  readonly logFile: string;
  private child: ChildProcess | null = null;

  constructor(private readonly options: WeftOptions) {
    const scheme = options.tls === undefined ? 'http' : 'https';
    const { tls } = options;
    const authority = tls === undefined ? null : readFileSync(tls.controllersAuthority ?? tls.authority, 'utf8');
    this.client = new WeftClient(`${scheme}://127.0.0.1:${options.httpPort}`, options.token ?? null, authority);
    this.logFile = join(options.directory, 'weft.log');
  }

  /** Starts the process and returns when it says that it is ready. */
  async start(): Promise<void> {
    const { directory, httpPort, controller, databaseUrl, tls, token } = this.options;
    const tokenFile = join(directory, 'token');
    if (token !== undefined) writeFileSync(tokenFile, token, { mode: 0o600 });
    const transport = tls === undefined ? 'tcp' : 'ssl';
    const log = openSync(this.logFile, 'a');
    const environment = commandEnvironment({
      WEFT_DATA_DIR: join(directory, 'data'),
      WEFT_HTTP_LISTEN: `127.0.0.1:${httpPort}`,
      WEFT_OVSDB_LISTEN: `${transport}:127.0.0.1:${controller.ovsdb}`,
      WEFT_OPENFLOW_LISTEN: `${transport}:127.0.0.1:${controller.openflow}`,
      WEFT_PUNT_LISTEN: `${transport}:127.0.0.1:${controller.punt}`,
      ...(tls === undefined
        ? {}
        : { WEFT_TLS_KEY: tls.key, WEFT_TLS_CERT: tls.certificate, WEFT_TLS_CA: tls.authority }),
      ...(token === undefined ? {} : { WEFT_AUTH: 'token', WEFT_TOKEN_FILE: tokenFile }),
      // The hosts of a lab are the lab's own: nobody has to approve them unless a test is about that.
      WEFT_ENROLMENT: 'open',
      ...(tls?.revoked === undefined ? {} : { WEFT_TLS_CRL: tls.revoked }),
      ...this.options.environment,
    });
    if (databaseUrl === undefined) delete environment['WEFT_DATABASE_URL'];
    else environment['WEFT_DATABASE_URL'] = databaseUrl;
    const program = fileURLToPath(new URL('../src/main.js', import.meta.url));
    const child = spawn(process.execPath, [...NODE_ARGUMENTS, ...(this.options.nodeArguments ?? []), program], {
      env: environment,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.child = child;
    await eventually('Weft is ready', () => this.isReady(child), READY_TIMEOUT_MS, 50);
  }

  private async isReady(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`Weft ended with ${child.exitCode ?? child.signalCode}; the end of its log:\n${this.logTail()}`);
    }
    try {
      await this.client.request('GET', '/readyz');
      return true;
    } catch {
      return false; // not listening yet, or it answers that it is not ready
    }
  }

  /** The last lines of the log. */
  logTail(lines = 20): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }

  get isRunning(): boolean {
    return this.child !== null;
  }

  get pid(): number {
    const pid = this.child?.pid;
    if (pid === undefined) throw new Error('Weft is not running');
    return pid;
  }

  /** Ends the process: SIGTERM is an orderly end, SIGKILL a crash. Returns when it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.child;
    this.child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(killer);
  }
}
