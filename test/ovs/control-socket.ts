/**
 * The control socket of ovs-vswitchd, as ovs-appctl speaks it (JSON-RPC 1.0): thousands of traces without a process for each.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

interface Reply {
  readonly result: string | null;
  readonly error: string | null;
}

export class ControlSocket {
  #id = 0;
  /** Of the request before: one is asked at a time. */
  #answered: Promise<unknown> = Promise.resolve();

  private constructor(private readonly socket: Socket) {}

  static async open(path: string): Promise<ControlSocket> {
    const socket = connect(path);
    await once(socket, 'connect');
    socket.setEncoding('utf8');
    // Who waits for an answer is told.
    socket.on('error', () => {});
    return new ControlSocket(socket);
  }

  /** False once ovs-vswitchd has ended, or the socket was closed. */
  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  /**
   * Runs a command and returns what it says.
   * @throws Error with the words of ovs-vswitchd, where it refuses
   */
  run(method: string, ...params: readonly string[]): Promise<string> {
    const answer = this.#answered.then(() => this.#ask(method, params));
    this.#answered = answer.catch(() => undefined);
    return answer;
  }

  #ask(method: string, params: readonly string[]): Promise<string> {
    this.#id += 1;
    const { socket } = this;
    return new Promise((resolve, reject) => {
      let text = '';
      const settle = (how: () => void): void => {
        socket.off('data', take);
        socket.off('close', end);
        how();
      };
      const end = (): void =>
        settle(() => reject(new Error(`${method} ${params.join(' ')}: the connection has ended`)));
      const take = (chunk: string): void => {
        text += chunk;
        // A reply is one object and its strings have no bare line ends, so only its last brace is followed by nothing.
        const reply = chunk.trimEnd().endsWith('}') ? replyIn(text) : null;
        if (reply === null) return;
        const { error, result } = reply;
        settle(() => {
          if (error === null) resolve(result ?? '');
          else reject(new Error(`${method} ${params.join(' ')}: ${error}`));
        });
      };
      socket.on('data', take);
      socket.once('close', end);
      if (socket.destroyed) end();
      else socket.write(JSON.stringify({ method, params, id: this.#id }));
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Null while it is not whole. */
function replyIn(text: string): Reply | null {
  try {
    return JSON.parse(text) as Reply;
  } catch {
    return null;
  }
}
