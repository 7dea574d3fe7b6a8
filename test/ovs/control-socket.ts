/**
 * The control socket of ovs-vswitchd, as ovs-appctl speaks it (JSON-RPC 1.0, one request at a time): thousands of traces without a
 * process for each.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

interface Reply {
  readonly result: string | null;
  readonly error: string | null;
}

export class ControlSocket {
  #id = 0;

  private constructor(private readonly socket: Socket) {}

  static async open(path: string): Promise<ControlSocket> {
    const socket = connect(path);
    await once(socket, 'connect');
    socket.setEncoding('utf8');
    return new ControlSocket(socket);
  }

  /**
   * Runs a command and returns what it says.
   * @throws Error with the words of ovs-vswitchd, where it refuses
   */
  async run(method: string, ...params: readonly string[]): Promise<string> {
    this.#id += 1;
    this.socket.write(JSON.stringify({ method, params, id: this.#id }));
    let text = '';
    for (;;) {
      const [chunk] = (await once(this.socket, 'data')) as [string];
      text += chunk;
      // A reply is one object and its strings have no bare line ends, so only its last brace is followed by nothing.
      if (!chunk.trimEnd().endsWith('}')) continue;
      const reply = replyIn(text);
      if (reply === null) continue;
      if (reply.error !== null) throw new Error(`${method} ${params.join(' ')}: ${reply.error}`);
      return reply.result ?? '';
    }
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
