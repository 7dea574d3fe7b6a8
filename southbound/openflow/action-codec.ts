/**
 * Actions on the wire: type, length, body, zeros up to a multiple of 8 bytes that the length counts. The forms of each
 * kind are declared in standard-actions.ts and nicira-actions.ts; both directions here work from those tables.
 */
import type { Codec } from '../wire/codec.js';
import type { Reader } from '../wire/reader.js';
import { WireError } from '../wire/wire-error.js';
import type { Writer } from '../wire/writer.js';
import type { Action } from './action.js';
import type { ActionForm, ActionForms, KnownActionKind } from './action-form.js';
import { existsAt } from './action-form.js';
import { niciraForms } from './nicira-actions.js';
import { splitSetField, standardForms } from './standard-actions.js';
import { Version } from './version.js';

const EXPERIMENTER_TYPE = 0xffff;
const NICIRA = 0x2320;
const ALIGNMENT = 8;
const STANDARD_HEADER_BYTES = 4;
const NICIRA_HEADER_BYTES = 10;

/** How deep actions may stand inside each other (clone, ct): what comes from a peer must not exhaust the stack. */
const MAXIMUM_NESTING = 16;

interface NamedForm {
  readonly kind: KnownActionKind;
  readonly form: ActionForm<object>;
}

function formKey({ vendor, number }: Pick<ActionForm<never>, 'vendor' | 'number'>): string {
  return `${vendor}/${number}`;
}

/** The forms by number; where a number means different things, by version too. */
function indexForms(forms: ActionForms): ReadonlyMap<string, readonly NamedForm[]> {
  const index = new Map<string, NamedForm[]>();
  for (const [kind, list] of Object.entries(forms)) {
    for (const form of list) {
      const entry = { kind: kind as KnownActionKind, form: form as ActionForm<object> };
      index.set(formKey(form), [...(index.get(formKey(form)) ?? []), entry]);
    }
  }
  return index;
}

/** The forms that exist at a version, by kind. */
type FormsAtVersion = ReadonlyMap<string, readonly ActionForm<object>[]>;

function formsAt(forms: ActionForms, version: number): FormsAtVersion {
  return new Map(
    Object.entries(forms).map(([kind, list]) => [
      kind,
      (list as readonly ActionForm<object>[]).filter(form => existsAt(form, version)),
    ]),
  );
}

function encodeAction(writer: Writer, action: Action, forms: FormsAtVersion): void {
  const start = writer.offset;
  if (action.kind === 'unknown') {
    writer.u16(action.type);
    writer.u16(STANDARD_HEADER_BYTES + action.bytes.length);
    writer.raw(action.bytes);
    if (action.bytes.length % ALIGNMENT !== STANDARD_HEADER_BYTES) {
      throw new WireError('out_of_range', 'an action whose length is no multiple of 8', start);
    }
    return;
  }
  const form = forms.get(action.kind)?.find(({ suits }) => suits === undefined || suits(action));
  if (form === undefined) {
    throw new WireError('out_of_range', `${action.kind} does not exist at version ${writer.version}`, start);
  }
  writer.u16(form.vendor === 'standard' ? form.number : EXPERIMENTER_TYPE);
  const length = writer.reserve(2);
  if (form.vendor === 'nicira') {
    writer.u32(NICIRA);
    writer.u16(form.number);
  }
  form.body.encode(writer, action);
  writer.align(ALIGNMENT, start);
  const bytes = writer.offset - start;
  if (bytes > 0xffff) throw new WireError('out_of_range', `${action.kind} of ${bytes} bytes`, start);
  writer.patchU16(length, bytes);
}

/** The form's number, or null when the bytes are another vendor's or too short to say. */
function readNumber(type: number, content: Reader): Pick<ActionForm<never>, 'vendor' | 'number'> | null {
  if (type !== EXPERIMENTER_TYPE) return { vendor: 'standard', number: type };
  if (content.remaining < NICIRA_HEADER_BYTES - STANDARD_HEADER_BYTES) return null;
  if (content.view.getUint32(content.offset) !== NICIRA) return null;
  return { vendor: 'nicira', number: content.view.getUint16(content.offset + 4) };
}

function decodeAction(reader: Reader, index: ReadonlyMap<string, readonly NamedForm[]>): Action {
  const start = reader.offset;
  const type = reader.u16();
  const length = reader.u16();
  if (length % ALIGNMENT !== 0) throw new WireError('bad_length', `action of ${length} bytes`, start);
  const content = reader.within(length - STANDARD_HEADER_BYTES, STANDARD_HEADER_BYTES);
  const number = readNumber(type, content);
  const found =
    number === null ? undefined : index.get(formKey(number))?.find(({ form }) => existsAt(form, reader.version));
  if (found === undefined) return { kind: 'unknown', type, bytes: content.rest() };
  if (number?.vendor === 'nicira') content.skip(NICIRA_HEADER_BYTES - STANDARD_HEADER_BYTES);
  return { kind: found.kind, ...found.form.body.decode(content) } as Action;
}

/** A list whose inner lists are read by `nested`. Before OpenFlow 1.5 a masked set_field may take several actions. */
function listCodec(nested: Codec<readonly Action[]>): Codec<readonly Action[]> {
  const forms: ActionForms = { ...standardForms, ...niciraForms(nested) };
  const index = indexForms(forms);
  const byVersion = new Map(Object.values(Version).map(version => [version as number, formsAt(forms, version)]));
  const none: FormsAtVersion = new Map();
  return {
    minimumBytes: 0,
    encode: (writer, actions) => {
      const { version } = writer;
      const atVersion = byVersion.get(version) ?? none;
      for (const action of actions) {
        if (action.kind !== 'setField' || version >= Version.openflow15) encodeAction(writer, action, atVersion);
        else for (const part of splitSetField(action)) encodeAction(writer, { kind: 'setField', ...part }, atVersion);
      }
    },
    decode: reader => {
      const actions: Action[] = [];
      while (reader.remaining > 0) actions.push(decodeAction(reader, index));
      return actions;
    },
  };
}

function refuseDeeper(offset: number): never {
  throw new WireError('bad_value', `actions nested deeper than ${MAXIMUM_NESTING}`, offset);
}

const tooDeep: Codec<readonly Action[]> = {
  minimumBytes: 0,
  encode: (writer, actions) => {
    if (actions.length > 0) refuseDeeper(writer.offset);
  },
  decode: reader => {
    if (reader.remaining > 0) refuseDeeper(reader.offset);
    return [];
  },
};

/** Actions up to the end of what contains them. */
export const actionsCodec: Codec<readonly Action[]> = Array.from({ length: MAXIMUM_NESTING }).reduce<
  Codec<readonly Action[]>
>(inner => listCodec(inner), tooDeep);
