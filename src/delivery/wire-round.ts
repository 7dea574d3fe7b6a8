/**
 * One bundle from open to acknowledgement, with the two traps of Open vSwitch: a message refused when it is added is
 * merely left out and the commit succeeds without it, so errors are looked for behind a barrier before committing;
 * and an error at commit rolls everything back but names only the first message at fault.
 */
import { SwitchClosedError, type Switch, type SwitchError } from './switch.js';
import { bundleId, bundleOpen, nextTurn } from './encoding.js';

export type BundleOutcome =
  | { readonly kind: 'committed' }
  /** Nothing of the bundle is on the switch; these keys are at fault, in the switch's words. */
  | { readonly kind: 'refused'; readonly errors: ReadonlyMap<string, string> }
  /** Nothing of the bundle is on the switch; no fragment is to blame. */
  | { readonly kind: 'failed'; readonly error: string }
  /** The switch no longer takes us for its master. */
  | { readonly kind: 'fenced' };

/** Collects what a switch complains about while something is under way. */
export class ErrorCollector {
  readonly #errors: SwitchError[] = [];
  readonly #stop: () => void;

  constructor(target: Switch) {
    this.#stop = target.onError(error => this.#errors.push(error));
  }

  get isEmpty(): boolean {
    return this.#errors.length === 0;
  }

  stop(): void {
    this.#stop();
  }

  /** What the errors mean, given the keys by xid; null when there are none. */
  outcome(keyOfXid: ReadonlyMap<number, string>): Exclude<BundleOutcome, { kind: 'committed' }> | null {
    if (this.isEmpty) return null;
    if (this.#errors.some(error => error.isNotMaster)) return { kind: 'fenced' };
    const blamed = new Map<string, string>();
    for (const error of this.#errors) {
      const key = keyOfXid.get(error.xid);
      if (key !== undefined && !blamed.has(key)) blamed.set(key, error.text);
    }
    if (blamed.size > 0) return { kind: 'refused', errors: blamed };
    return { kind: 'failed', error: this.#errors.map(error => error.text).join('; ') };
  }
}

/** So much is written before others get their turn: a connection whose peer reads fast is never full. */
const bytesATurn = 0x2_0000;

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
  keyOfXid: ReadonlyMap<number, string>,
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
 */
export async function sendBundle(
  target: Switch,
  parts: readonly Uint8Array[],
  keyOfXid: ReadonlyMap<number, string>,
): Promise<BundleOutcome> {
  const errors = new ErrorCollector(target);
  try {
    await writeAll(target, [bundleOpen, ...parts]);
    await target.barrier();
    const refused = errors.outcome(keyOfXid);
    if (refused !== null) {
      if (refused.kind !== 'fenced') await target.discardBundle(bundleId);
      return refused;
    }
    // In one go: the barrier costs no round trip of its own.
    const [failure] = await Promise.all([target.commitBundle(bundleId), target.barrier()]);
    if (failure === null) return { kind: 'committed' };
    return errors.outcome(keyOfXid) ?? { kind: 'failed', error: failure };
  } finally {
    errors.stop();
  }
}

/** True for the rejection of a wait that the end of the connection cut short. */
export function isClosed(error: unknown): boolean {
  return error instanceof SwitchClosedError;
}
