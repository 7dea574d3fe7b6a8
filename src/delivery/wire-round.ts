/**
 * One bundle until it is acknowledged, with the two traps of Open vSwitch: a message refused when it is added is
 * merely left out and the commit succeeds without it, so errors are looked for behind a barrier before committing;
 * and an error at commit rolls everything back but names only the first message at fault.
 *
 * Where the switch has accepted messages of all these shapes before (message-shape.ts), none is refused when it is added, and the
 * bundle goes out with its commit in one write: it makes itself with its first message, and the answer to the commit is the only one.
 */
import { nextTurn } from '../base/next-turn.js';
import type { Switch, SwitchError } from './switch.js';
import { bundleId, bundleOpen, optionalXid } from './encoding.js';

export type BundleOutcome =
  | { readonly kind: 'committed' }
  /** Nothing of the bundle is on the switch; these keys are at fault, in the switch's words. */
  | { readonly kind: 'refused'; readonly errors: ReadonlyMap<string, string> }
  /** Messages of these keys (none, if no fragment is to blame) were left out, and all others are on the switch. */
  | { readonly kind: 'torn'; readonly errors: ReadonlyMap<string, string>; readonly error: string }
  /** Nothing of the bundle is on the switch; no fragment is to blame. */
  | { readonly kind: 'failed'; readonly error: string }
  /** The switch no longer takes us for its master. */
  | { readonly kind: 'fenced' };

/** Whose message this was; asked only when something was refused. */
export type KeyOfXid = (xid: number) => string | undefined;

/** Of more the first are enough: what is not blamed now is when it is sent again, or found by the comparison. */
const mostErrors = 1_000;
/** No bundle has so many messages: a switch that sends more means harm. */
const errorsToTheEnd = 100_000;
/** So many are told in words. */
const errorsInWords = 10;

/** Collects what a switch complains about while something is under way. */
export class ErrorCollector {
  /** The first of each message. */
  readonly #errors = new Map<number, SwitchError>();
  readonly #stop: () => void;
  #count = 0;
  #isNotMaster = false;

  constructor(target: Switch) {
    this.#stop = target.onError(error => {
      if (error.xid === optionalXid) return;
      this.#count += 1;
      this.#isNotMaster ||= error.isNotMaster;
      if (this.#errors.size < mostErrors && !this.#errors.has(error.xid)) this.#errors.set(error.xid, error);
      if (this.#count === errorsToTheEnd) target.close(`it sends more than ${errorsToTheEnd} errors for one bundle`);
    });
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  stop(): void {
    this.#stop();
  }

  /** What the errors mean, given the keys by xid; null when there are none. */
  outcome(keyOfXid: KeyOfXid): Exclude<BundleOutcome, { kind: 'committed' | 'torn' }> | null {
    if (this.isEmpty) return null;
    if (this.#isNotMaster) return { kind: 'fenced' };
    const errors = this.#blamed(keyOfXid);
    return errors.size > 0 ? { kind: 'refused', errors } : { kind: 'failed', error: this.#text };
  }

  /** What they mean after a commit that has succeeded. */
  outcomeAfterCommit(keyOfXid: KeyOfXid): BundleOutcome {
    if (this.isEmpty) return { kind: 'committed' };
    return { kind: 'torn', errors: this.#blamed(keyOfXid), error: this.#text };
  }

  get #text(): string {
    const words = [...this.#errors.values()].slice(0, errorsInWords).map(error => error.text);
    return [...words, ...(this.#count > words.length ? [`${this.#count} errors in all`] : [])].join('; ');
  }

  #blamed(keyOfXid: KeyOfXid): ReadonlyMap<string, string> {
    const blamed = new Map<string, string>();
    for (const error of this.#errors.values()) {
      const key = keyOfXid(error.xid);
      if (key !== undefined && !blamed.has(key)) blamed.set(key, error.text);
    }
    return blamed;
  }
}

/** So much is written before others get their turn: a connection whose peer reads fast is never full. */
export const bytesATurn = 0x2_0000;

/** Writes buffers, waiting wherever the connection is full. */
export async function writeAll(target: Switch, parts: readonly Uint8Array[]): Promise<void> {
  let written = 0;
  for (const part of parts) {
    written += part.length;
    if (!target.write(part)) await target.drained();
    if (written < bytesATurn) continue;
    written = 0;
    await nextTurn();
  }
}

/** Sends whole messages that need no bundle (meters) and says what the switch thought of them. */
export async function sendPlain(
  target: Switch,
  messages: readonly Uint8Array[],
  keyOfXid: KeyOfXid,
): Promise<BundleOutcome> {
  const errors = new ErrorCollector(target);
  try {
    await writeAll(target, messages);
    await target.barrier();
    return errors.outcome(keyOfXid) ?? { kind: 'committed' };
  } finally {
    errors.stop();
  }
}

/**
 * Sends one bundle and sees it through. Rejects with SwitchClosedError when the connection ends on the way: whether
 * the switch has committed is then told by the sentinel at the next connection.
 * @param isAccepted the switch has accepted all shapes in it before: it is not asked what it refuses before the commit
 */
export async function sendBundle(
  target: Switch,
  parts: readonly Uint8Array[],
  keyOfXid: KeyOfXid,
  isAccepted: boolean,
): Promise<BundleOutcome> {
  const errors = new ErrorCollector(target);
  try {
    // No wait between the parts, nor before the commit: see unaskedBytes.
    if (isAccepted) for (const part of parts) target.write(part);
    else {
      await writeAll(target, [bundleOpen, ...parts]);
      await target.barrier();
      const refused = errors.outcome(keyOfXid);
      if (refused !== null) {
        if (refused.kind !== 'fenced') await target.discardBundle(bundleId);
        return refused;
      }
    }
    // Open vSwitch answers when it is done, and works through one message after the other: a barrier would say nothing more.
    const failure = await target.commitBundle(bundleId);
    if (failure === null) return errors.outcomeAfterCommit(keyOfXid);
    if (failure.isNotMaster) return { kind: 'fenced' };
    return errors.outcome(keyOfXid) ?? { kind: 'failed', error: failure.text };
  } finally {
    errors.stop();
  }
}
