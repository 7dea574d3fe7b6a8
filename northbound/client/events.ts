/** Server-sent events, as Weft writes them. */

export interface ServerEvent {
  readonly event: string;
  /** Where a watch goes on after a break: the value of `Last-Event-ID`. */
  readonly id: string | null;
  readonly data: unknown;
}

/** Cuts a stream of bytes into events. What has no data (a comment that keeps the connection open) is none. */
export async function* eventsOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let waiting = '';
  for await (const chunk of stream) {
    waiting += decoder.decode(chunk, { stream: true });
    for (let end = waiting.indexOf('\n\n'); end >= 0; end = waiting.indexOf('\n\n')) {
      const event = parseEvent(waiting.slice(0, end));
      waiting = waiting.slice(end + 2);
      if (event !== null) yield event;
    }
  }
}

function parseEvent(block: string): ServerEvent | null {
  let event = 'message';
  let data = '';
  let id: string | null = null;
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('id: ')) id = line.slice(4);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  return data === '' ? null : { event, id, data: JSON.parse(data) as unknown };
}
