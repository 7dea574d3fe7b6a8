/**
 * The data files of test/southbound/openflow/messages: for each kind of message, samples recorded between ovs-ofctl and
 * ovs-vswitchd. A sample is the text that ovs-ofctl prints, indented by two spaces, and the bytes in one line of hex.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface MessageSample {
  readonly text: readonly string[];
  readonly bytes: Uint8Array;
}

const folder = fileURLToPath(new URL('../../../../test/southbound/openflow/messages/', import.meta.url));

export function writeSamples(kind: string, samples: readonly MessageSample[]): void {
  const lines = samples.flatMap(({ text, bytes }) => [
    ...text.map(line => `  ${line}`),
    Buffer.from(bytes).toString('hex'),
    '',
  ]);
  writeFileSync(`${folder}${kind}.hex`, lines.join('\n'));
}

function parseSamples(content: string): readonly MessageSample[] {
  const samples: MessageSample[] = [];
  let text: string[] = [];
  for (const line of content.split('\n')) {
    if (line.startsWith('  ')) text.push(line.slice(2));
    else if (line !== '') {
      samples.push({ text, bytes: Uint8Array.from(Buffer.from(line, 'hex')) });
      text = [];
    }
  }
  return samples;
}

/** Samples by kind of message; a multipart's kind is joined by a hyphen. */
export function readSamples(): ReadonlyMap<string, readonly MessageSample[]> {
  const files = readdirSync(folder).filter(name => name.endsWith('.hex'));
  return new Map(files.map(name => [name.slice(0, -4), parseSamples(readFileSync(`${folder}${name}`, 'utf8'))]));
}
