/** Questions and answers of DNS (RFC 1035, EDNS RFC 6891). */
import { Reader } from '../../../southbound/wire/reader.js';
import { WireError } from '../../../southbound/wire/wire-error.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { encodeDomainName } from '../../base/domain-name.js';
import { readSafely } from './read-safely.js';

export const dnsPort = 53;
export const dnsType = { A: 1, PTR: 12, AAAA: 28, SRV: 33, ANY: 255 } as const;
const optType = 41;
const classInternet = 1;
export const dnsCode = { success: 0, formatError: 1, noSuchName: 3, notImplemented: 4, refused: 5 } as const;

export interface DnsQuestion {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  /** Canonical; null: it has characters that no name of ours has. */
  readonly name: string | null;
  /** The name, type and class as they came: the answer repeats them, with the letters that the asker chose. */
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly isInternet: boolean;
  /** The largest answer that the asker takes; null where it does not speak EDNS. */
  readonly ednsBytes: number | null;
}

export interface DnsAnswer {
  readonly type: number;
  readonly ttl: number;
  readonly data: Uint8Array;
}

const flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200, recursionDesired: 0x0100 } as const;

/** A query with one question; null: it is none. */
export function parseDnsQuery(bytes: Uint8Array): DnsQuestion | null {
  return readSafely(() => {
    const reader = new Reader(bytes);
    const [id, flags, questions, answers, authorities, additionals] = [
      reader.u16(),
      reader.u16(),
      reader.u16(),
      reader.u16(),
      reader.u16(),
      reader.u16(),
    ];
    if ((flags & flag.response) !== 0 || questions !== 1 || answers !== 0 || authorities !== 0) return null;
    const start = reader.offset;
    const name = readName(reader);
    const [type, questionClass] = [reader.u16(), reader.u16()];
    return {
      id,
      opcode: (flags >> 11) & 0xf,
      recursionDesired: (flags & flag.recursionDesired) !== 0,
      name,
      bytes: bytes.slice(start, reader.offset),
      type,
      isInternet: questionClass === classInternet,
      ednsBytes: readEdns(reader, additionals),
    };
  });
}

/** In bytes (RFC 1035, section 2.3.4): of a label, and of a name with its root. */
const most = { label: 63, name: 255 } as const;

/** A name without pointers, which a question has none of. Null: one that we do not know the letters of. */
function readName(reader: Reader): string | null {
  const start = reader.offset;
  const labels: string[] = [];
  for (;;) {
    const length = reader.u8();
    if (length === 0) break;
    const at = reader.offset;
    if (length > most.label || at + length - start >= most.name)
      throw new WireError('bad_value', 'a label or name that is too long', at);
    labels.push(Buffer.from(reader.raw(length)).toString('latin1').toLowerCase());
  }
  return labels.every(label => /^[a-z0-9_-]+$/.test(label)) ? labels.join('.') : null;
}

/** The size in the OPT record, if it is the first additional one, as every asker has it. */
function readEdns(reader: Reader, additionals: number): number | null {
  if (additionals === 0 || reader.remaining < 11 || reader.u8() !== 0) return null;
  return reader.u16() === optType ? reader.u16() : null;
}

/** Without EDNS (RFC 1035, section 4.2.1), and what passes every path in one piece with it. */
const answerBytes = { plain: 512, edns: 1232 } as const;
/** Points at the name of the question, right after the header. */
const pointerToQuestion = 0xc00c;

/** The answer; what is too much is left out, and the answer says so. */
export function encodeDnsAnswer(
  question: DnsQuestion,
  code: number,
  { answers, authoritative }: { readonly answers: readonly DnsAnswer[]; readonly authoritative: boolean },
): Uint8Array {
  const { ednsBytes } = question;
  const edns = ednsBytes === null ? 0 : 11;
  const mostBytes =
    ednsBytes === null ? answerBytes.plain : Math.min(answerBytes.edns, Math.max(answerBytes.plain, ednsBytes));
  const writer = new Writer();
  writer.u16(question.id);
  writer.u16(0);
  writer.u16(1);
  writer.zero(4);
  writer.u16(edns === 0 ? 0 : 1);
  writer.raw(question.bytes);
  let written = 0;
  for (const { type, ttl, data } of answers) {
    if (writer.offset + 12 + data.length + edns > mostBytes) break;
    writer.u16(pointerToQuestion);
    writer.u16(type);
    writer.u16(classInternet);
    writer.u32(ttl);
    writer.u16(data.length);
    writer.raw(data);
    written += 1;
  }
  writer.patchU16(
    2,
    flag.response |
      (question.opcode << 11) |
      (authoritative ? flag.authoritative : 0) |
      (written < answers.length ? flag.truncated : 0) |
      (question.recursionDesired ? flag.recursionDesired : 0) |
      code,
  );
  writer.patchU16(6, written);
  if (edns > 0) {
    writer.u8(0);
    writer.u16(optType);
    writer.u16(answerBytes.edns);
    writer.zero(6);
  }
  return writer.finish();
}

/** The data of a service location (RFC 2782): its target is never compressed. */
export function serviceData(location: {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}): Uint8Array {
  const writer = new Writer();
  writer.u16(location.priority);
  writer.u16(location.weight);
  writer.u16(location.port);
  writer.raw(encodeDomainName(location.target));
  return writer.finish();
}
