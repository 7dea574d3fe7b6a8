import assert from 'node:assert/strict';
import { dependents, emptySlice, planBundles, type SwitchChange } from '../../src/delivery/bundle-plan.js';
import { Convergence, type HostProgress } from '../../src/delivery/convergence.js';
import { fragmentDifference } from '../../src/delivery/difference.js';
import { encodeFragment, flowMessages, wireSlice, type EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import {
  contentOf,
  encodeFlowRemove,
  encodeSentinel,
  flowImage,
  imageOfAdd,
  removalOfAdd,
} from '../../src/delivery/encoding.js';
import { readSentinel, sentinelFlow, type Sentinel } from '../../src/delivery/sentinel.js';
import { group, output, resubmit } from '../../southbound/openflow/actions.js';
import { applyActions } from '../../southbound/openflow/instructions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { decodeMessage, type Message } from '../../southbound/openflow/message-codec.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { encoded, everywhere, flow, fragment as wholeFragment, identity } from './support.js';

const fragment = (...given: Parameters<typeof wholeFragment>): EncodedFragment => encoded(wholeFragment(...given));

/** The messages inside bundle-adds that stand one after the other. */
function messagesIn(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(at + 2);
    const { message } = decodeMessage(bytes.slice(at, at + length));
    if (message.kind !== 'bundleAdd') throw new Error(message.kind);
    messages.push(decodeMessage(message.message).message);
    at += length;
  }
  return messages;
}

function described(message: Message): string {
  if (message.kind === 'flowMod') return `${message.command} ${message.match[0]?.value}`;
  if (message.kind === 'groupMod') return `${message.command} group ${message.groupId}`;
  return message.kind;
}

const all = (id: number) => ({ id, type: 'all', buckets: [{ bucketId: 1, actions: [resubmit(9)] }] }) as const;

describe('difference of two fragments', () => {
  it('is what differs: replaced and new flows, then strict removals bound to the cookie', () => {
    const before = fragment(1, { scope: everywhere, flows: [flow(1, 1), flow(1, 2), flow(1, 3)] });
    const after = fragment(1, { scope: everywhere, flows: [flow(1, 1), flow(1, 2, [output(4)]), flow(1, 4)] });
    const change = fragmentDifference(before, after);
    assert.deepEqual(messagesIn(change.flows.bytes).map(described), ['add 2', 'add 4']);
    const [removal] = messagesIn(change.removedFlows.bytes);
    assert.equal(removal?.kind, 'flowMod');
    assert.deepEqual(removal.kind === 'flowMod' && [described(removal), removal.cookie, removal.cookieMask], [
      'delete_strict 3',
      before.cookie,
      0xffff_ffff_ffff_ffffn,
    ]);
    assert.equal(change, fragmentDifference(before, after), 'one for all switches');
  });

  it('does not depend on the order or the spelling of a match', () => {
    const metadata = matchField(oxm.metadata, 1n);
    const write = (match: (typeof metadata)[]) =>
      fragment(1, { scope: everywhere, flows: [{ table: 1, priority: 1, match, actions: [] }] });
    const halves = [matchField(oxm.reg1, 5n), matchField(oxm.reg0, 6n), metadata];
    const whole = [metadata, matchField(oxm.xreg0, (6n << 32n) | 5n)];
    assert.equal(fragmentDifference(write(halves), write(whole)).flowCount, 0);
  });

  it('tells new groups from changed ones and leaves equal ones alone', () => {
    const before = fragment(1, { scope: everywhere, groups: [all(8), all(9), all(10)] });
    const changed = { ...all(9), type: 'select' } as const;
    const after = fragment(1, { scope: everywhere, groups: [all(8), changed, all(11)] });
    const change = fragmentDifference(before, after);
    assert.deepEqual(messagesIn(change.newGroups.bytes).map(described), ['add_or_modify group 11']);
    assert.deepEqual(messagesIn(change.changedGroups.bytes).map(described), ['add_or_modify group 9']);
    assert.deepEqual(messagesIn(change.removedGroups.bytes).map(described), ['delete group 10']);
  });

  it('has the same digest for the same content, whoever encoded it, and another for any change', () => {
    const make = (port: number) => fragment(1, { scope: everywhere, flows: [flow(1, 1, [output(port)])] });
    assert.equal(make(1).digest, make(1).digest);
    assert.notEqual(make(1).digest, make(2).digest);
    assert.notEqual(make(1).xid, make(1).xid);
  });
});

describe('what is kept of a fragment', () => {
  const given = { scope: everywhere, flows: [flow(1, 1), flow(1, 2)], groups: [all(8)], after: ['hv1'] };
  const meters = [{ id: 7, unit: 'kbps', rate: 100 }] as const;
  const kept = fragment(1, given);

  it('is the version before where nothing differs, and another where anything does', () => {
    assert.equal(encodeFragment(wholeFragment(1, { ...given, flows: [flow(1, 1), flow(1, 2)] }), kept), kept);
    const others = [
      { ...given, flows: [flow(1, 1)] },
      { ...given, flows: [flow(1, 1), flow(1, 2, [output(9)])] },
      { ...given, groups: [all(16)] },
      { ...given, after: ['hv2'] },
      { ...given, scope: { kind: 'datapath', datapathId: 'd' } as const },
      { ...given, meters },
    ];
    for (const other of others) assert.notEqual(encodeFragment(wholeFragment(1, other), kept), kept);
    const owned = { ...wholeFragment(1, given), owner: { kind: 'logical-switches', id: 's' } } as const;
    assert.notEqual(encodeFragment(owned, kept), kept);
  });

  it('says why it cannot be sent, and has no messages then', () => {
    const flows = [flow(1, 1), { ...flow(1, 2), priority: 70_000 }];
    const bad = fragment(1, { scope: everywhere, flows });
    assert.match(bad.failure ?? '', /cannot be sent: .*priority/);
    assert.deepEqual([bad.messages, bad.flowCount], ['', 0]);
    assert.equal(encodeFragment(wholeFragment(1, { scope: everywhere, flows }), bad), bad);
    assert.notEqual(encodeFragment(wholeFragment(1, given), bad), bad);
  });

  it('goes out under one xid, in the bundle-add and in what it holds', () => {
    const { bytes } = wireSlice(kept.messages, 3, 0x8765_4321);
    const messages = messagesIn(bytes);
    assert.deepEqual(messages.map(described), ['add_or_modify group 8', 'add 1', 'add 2']);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += view.getUint16(at + 2)) {
      assert.deepEqual([view.getUint32(at + 4), view.getUint32(at + 20)], [0x8765_4321, 0x8765_4321]);
    }
  });
});

describe('order of the wire', () => {
  const owner = fragment(1, { scope: everywhere, groups: [all(8)], flows: [flow(1, 1)] });
  const user = fragment(2, { scope: everywhere, flows: [flow(2, 2, [group(8)]), flow(2, 22)] });
  const order = (changes: readonly SwitchChange[], limit?: number): string[][] =>
    planBundles(changes, limit).map(bundle => bundle.parts.flatMap(part => messagesIn(part).map(described)));

  it('has groups before flows that name them, whatever the order of the fragments', () => {
    assert.deepEqual(order([fragmentDifference(null, user), fragmentDifference(null, owner)]), [
      ['add_or_modify group 8', 'add 2', 'add 22', 'add 1'],
    ]);
  });

  it('removes flows after everything that is added, and groups last', () => {
    const successor = fragment(3, { scope: everywhere });
    assert.deepEqual(
      order([fragmentDifference(owner, null), fragmentDifference(user, null), fragmentDifference(null, successor)]),
      [['add 3', 'delete_strict 1', 'delete_strict 2', 'delete_strict 22', 'delete group 8']],
    );
  });

  it('cuts between fragments, new groups in the first bundle and removed ones in the last', () => {
    const gone = fragment(4, { scope: everywhere, groups: [all(32)], flows: [flow(4, 4)] });
    const changes = [fragmentDifference(gone, null), fragmentDifference(null, user), fragmentDifference(null, owner)];
    assert.deepEqual(order(changes, 2), [
      ['add_or_modify group 8', 'delete_strict 4'],
      ['add 2', 'add 22'],
      ['add 1', 'delete group 32'],
    ]);
    const bundles = planBundles(changes, 2);
    assert.deepEqual(
      bundles.map(bundle => [...bundle.completes]),
      [[], ['test.rule/2'], ['test.rule/1', 'test.rule/4']],
    );
  });

  it('has what others ask ahead of them, in bundles before theirs, and takes it away after them', () => {
    const lookup = (number: number): EncodedFragment =>
      encoded({ ...wholeFragment(number, { scope: everywhere }), isAskedByOthers: true });
    const asking = fragment(5, { scope: everywhere, flows: [flow(5, 5), flow(5, 55)] });
    const changes = [
      fragmentDifference(lookup(7), null),
      fragmentDifference(null, asking),
      fragmentDifference(null, lookup(6)),
    ];
    assert.deepEqual(order(changes, 2), [['add 6'], ['add 5', 'add 55'], ['delete_strict 7']]);
    assert.deepEqual(order(changes), [['add 6', 'add 5', 'add 55', 'delete_strict 7']]);
  });

  it('has the addresses of sets ahead of the groups whose rules ask for them', () => {
    const compiled = new NetworkBuilder()
      .hypervisor('hv1')
      .logicalSwitch('net', '10.0.0.0/24')
      .securityGroup('g')
      .addressSet('blocked', '192.0.2.1', '192.0.2.2', '192.0.2.3')
      .rule('deny', 'g', 'ingress', { action: 'drop', priority: 2, remoteAddressSetId: 'blocked' })
      .rule('allow', 'g', 'ingress')
      .port('p', 'net', '02:00:00:00:00:01', ['10.0.0.1'], ['hv1', 1], { securityGroups: ['g'] })
      .compile();
    const changes = compiled.fragmentsOf('hv1').map(each => fragmentDifference(null, encoded(each)));
    const keys = planBundles(changes, 1).flatMap(({ completes }) => [...completes]);
    const places = (room: string): number[] =>
      keys.flatMap((key, place) => (key.startsWith(`${room}/`) ? [place] : []));
    assert.equal(places('acl.remote').length, 3);
    assert.ok(Math.max(...places('acl.remote')) < Math.min(...places('acl.group'), ...places('acl.rule')));
  });

  it('keeps what depends on a fragment that stays', () => {
    const third = fragment(3, { scope: everywhere, groups: [all(24)], flows: [flow(3, 3, [group(8)])] });
    const fourth = fragment(4, { scope: everywhere, flows: [flow(4, 4, [group(24)])] });
    const going = [fourth, third, fragment(5, { scope: everywhere })].map(one => fragmentDifference(null, one));
    assert.deepEqual(
      [...dependents([fragmentDifference(null, owner)], going)],
      [
        ['test.rule/3', 'test.rule/1'],
        ['test.rule/4', 'test.rule/3'],
      ],
    );
    const staying = fragmentDifference(user, null);
    assert.deepEqual([...dependents([staying], [fragmentDifference(owner, null)]).keys()], ['test.rule/1']);
    assert.deepEqual([...dependents([{ ...staying, usedGroups: new Set(), removedFlows: emptySlice }], going)], []);
  });
});

describe('sentinel', () => {
  const sentinel: Sentinel = {
    revision: 4_000_000_000,
    check: 0xabcdef,
    databaseId: identity.databaseId,
    build: '1.2.3+abc',
    digest: 0xfedc_ba98_7654_3210n,
    isOnTheWay: true,
    bundleNumber: 77,
  };

  it('is read as it was written, padding and all', () => {
    const { flow: made, cookie } = sentinelFlow(sentinel);
    assert.deepEqual(readSentinel(cookie, [applyActions(made.actions)]), sentinel);
    for (const one of [
      sentinel,
      { ...sentinel, revision: 3, check: 4, digest: 5n, isOnTheWay: false, bundleNumber: 6 },
    ]) {
      const [message] = messagesIn(encodeSentinel(one));
      assert.deepEqual(message?.kind === 'flowMod' && readSentinel(message.cookie, message.instructions), one);
    }
  });

  it('is not seen in a flow that is none', () => {
    const { flow: made, cookie } = sentinelFlow(sentinel);
    assert.equal(readSentinel(0x5en << 56n, [applyActions(made.actions)]), null);
    assert.equal(readSentinel(cookie, []), null);
    assert.equal(readSentinel(cookie, [applyActions([output(1)])]), null);
  });
});

describe('image of a flow', () => {
  it('is the same from its content and from the message that makes it', () => {
    const timed = { ...flow(7, 0x1234, [output(1), resubmit(4)]), idleTimeout: 5, hardTimeout: 6 };
    const one = wholeFragment(9, { scope: everywhere, flows: [timed, { ...timed, match: [], actions: [] }] });
    const messages = flowMessages(encoded(one));
    assert.deepEqual(
      messages.map(imageOfAdd),
      one.flows.map(each => flowImage(contentOf(each, one.cookie))),
    );
    assert.deepEqual(
      messages.map(removalOfAdd),
      one.flows.map(each => Buffer.from(encodeFlowRemove(each, one.cookie, 0)).toString('latin1')),
    );
  });

  it('has the cookie and timeouts in its value, and nothing of them in its identity', () => {
    const one = flowImage(contentOf(flow(1, 1), 5n));
    const other = flowImage(contentOf({ ...flow(1, 1), idleTimeout: 9 }, 6n));
    assert.equal(one.identity, other.identity);
    assert.notEqual(one.value, other.value);
  });
});

describe('convergence', () => {
  class Host implements HostProgress {
    readonly hypervisorId: string;
    readonly name: string;
    isConnected = true;
    pendingRevisions = new Set<number>();
    appliedRevision = 0;

    constructor(id: string) {
      this.hypervisorId = id;
      this.name = `hv-${id}`;
    }

    get isBehind(): boolean {
      return this.pendingRevisions.size > 0;
    }

    lack(...revisions: number[]): void {
      for (const revision of revisions) this.pendingRevisions.add(revision);
      convergence.fellBehind(this);
    }

    isPending(revision: number): boolean {
      return this.pendingRevisions.has(revision);
    }

    hasFailures = false;
    /** How often it was asked what it has failed at. */
    asked = 0;

    failures(): readonly never[] {
      this.asked += 1;
      return [];
    }
  }

  let clock: ManualClock;
  let convergence: Convergence;
  let a: Host;
  let b: Host;

  beforeEach(() => {
    clock = new ManualClock();
    convergence = new Convergence(clock);
    [a, b] = [new Host('a'), new Host('b')];
    convergence.track(a);
    convergence.track(b);
  });

  it('waits for the revision to be delivered, and then only for those concerned', async () => {
    const waiting = convergence.waitFor(5, 1_000);
    assert.equal(convergence.pending(5).isDelivered, false);
    a.lack(5);
    convergence.delivered(5);
    assert.deepEqual(
      convergence.pending(5).pending.map(one => one.name),
      ['hv-a'],
    );
    a.pendingRevisions.delete(5);
    convergence.changed(a);
    const progress = await waiting;
    assert.deepEqual([progress.isApplied, progress.applied, progress.pending], [true, 2, []]);
    assert.equal(clock.pending, 0, 'its timer is gone');
  });

  it('asks those what they have failed at that have failed at something', () => {
    a.lack(5);
    b.lack(5);
    b.hasFailures = true;
    convergence.failuresOf('logical-switch-ports', 'port');
    convergence.pending(5);
    assert.deepEqual([a.asked, b.asked], [0, 2]);
  });

  it('gives what is known at the timeout', async () => {
    convergence.delivered(5);
    a.lack(5);
    const waiting = convergence.waitFor(5, 1_000);
    clock.advance(1_000);
    const progress = await waiting;
    assert.deepEqual([progress.isApplied, progress.pending.length], [false, 1]);
    clock.advance(1_000);
    const never = convergence.waitFor(6, 10);
    clock.advance(10);
    assert.equal((await never).isDelivered, false);
  });

  it('names who is disconnected and does not wait for it, also when it goes in the middle', async () => {
    convergence.delivered(5);
    a.lack(5);
    b.lack(5);
    const waiting = convergence.waitFor(5, 1_000);
    b.pendingRevisions.clear();
    convergence.changed(b);
    a.isConnected = false;
    convergence.changed(a);
    const progress = await waiting;
    assert.deepEqual([progress.isApplied, progress.disconnected.map(one => one.name)], [true, ['hv-a']]);
  });

  it('does not wait for a hypervisor that is removed', async () => {
    convergence.delivered(5);
    a.lack(5);
    const waiting = convergence.waitFor(5, 1_000);
    convergence.untrack('a');
    assert.equal((await waiting).isApplied, true);
  });
});
