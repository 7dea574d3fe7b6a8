/** Bytes and text against the installed Open vSwitch: what it encodes, how it prints, what a switch dumps. */
import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { OpenFlowConnection } from '../../southbound/openflow/connection.js';
import { canonicalMatch } from '../../southbound/openflow/match.js';
import { encodeMessage } from '../../southbound/openflow/message-codec.js';
import { bucket } from '../../southbound/openflow/messages/bucket.js';
import { flowMod } from '../../southbound/openflow/messages/flow-mod.js';
import { flowRequest, type FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { formatFlow, formatGroup, type GroupText } from '../../southbound/openflow/text.js';
import { Version } from '../../southbound/openflow/version.js';
import { systemClock } from '../../src/base/clock.js';
import { requires } from '../fixtures/requires.js';
import type { ValidFlow } from '../southbound/openflow/valid-flows.js';
import {
  comparableFields,
  comparableKinds,
  flowDoing,
  flowInstructing,
  flowMatching,
  flowSetting,
  settableFields,
} from '../southbound/openflow/valid-flows.js';
import { validGroup } from '../southbound/openflow/valid-groups.js';
import { DummySwitch, OVS_TOOLS } from './dummy-switch.js';
import { encodeWithOvs, printWithOvs } from './ovs-ofctl.js';

const seed = Date.now() & 0x7fff_ffff;
const examplesEach = 6;

/** Several random flows for every field, every action and all instructions. */
const flows: readonly ValidFlow[] = [
  ...comparableFields.map(flowMatching),
  ...comparableKinds.map(flowDoing),
  ...settableFields.map(flowSetting),
  flowInstructing,
].flatMap(arbitrary => fc.sample(arbitrary, { seed, numRuns: examplesEach }));

const groups = fc.sample(validGroup, { seed, numRuns: 200 });

function encodeFlow({ table, ...flow }: ValidFlow, xid: number, version: number): Uint8Array {
  return encodeMessage(flowMod({ command: 'add', tableId: table, ...flow }), xid, version);
}

function encodeGroup({ id, type, buckets, selectionMethod }: GroupText, xid: number): Uint8Array {
  const { name = '', parameter = 0n, fields = [] } = selectionMethod ?? {};
  const properties = selectionMethod ? [{ kind: 'selectionMethod' as const, method: name, parameter, fields }] : [];
  const plainWeight = type === 'select' ? 1 : null;
  const list = buckets.map(({ weight, watchPort, watchGroup, ...rest }) =>
    bucket({ ...rest, weight: weight ?? plainWeight, watchPort: watchPort ?? null, watchGroup: watchGroup ?? null }),
  );
  const message = groupMod({ command: 'add', type, groupId: id, buckets: list, properties });
  return encodeMessage(message, xid, Version.openflow15);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A line of a flow dump without what only a switch knows. */
function withoutCounters(line: string): string {
  return line.trimStart().replace(/duration=[^,]*, (table=\d+, )(?:n_packets=\S+ n_bytes=\S+ )?/, '$1');
}

describe(`the OpenFlow vocabulary and ovs-ofctl (seed ${seed})`, function () {
  this.timeout(20_000);
  before(function () {
    requires(this, { tools: ['ovs-ofctl'] });
  });

  for (const [name, version] of Object.entries(Version)) {
    it(`agree on the bytes of a flow's text: ${name}`, async () => {
      const texts = flows.map(flow => formatFlow(flow));
      const theirs = await encodeWithOvs('add-flows', texts, version);
      assert.equal(theirs.length, flows.length);
      flows.forEach((flow, i) => {
        const bytes = theirs[i] ?? Buffer.alloc(0);
        assert.equal(hexOf(encodeFlow(flow, bytes.readUInt32BE(4), version)), hexOf(bytes), texts[i] ?? '');
      });
    });
  }

  it("agree on the text of a flow's bytes", async () => {
    const replies = flows.map(({ table, ...flow }, xid) => {
      const stats: FlowStats = { ...flow, tableId: table, flags: [], importance: 0, statistics: {} };
      const body = { kind: 'flow', flows: [stats] } as const;
      return encodeMessage({ kind: 'multipartReply', more: false, body }, xid, Version.openflow15);
    });
    const lines = (await printWithOvs(replies)).filter(line => line.startsWith(' cookie='));
    assert.deepEqual(
      flows.map(flow => formatFlow(flow)),
      lines.map(withoutCounters),
    );
  });

  it('agree on groups, both ways', async () => {
    const texts = groups.map(group => formatGroup(group));
    const theirs = await encodeWithOvs('add-groups', texts, Version.openflow15);
    assert.equal(theirs.length, groups.length);
    groups.forEach((group, i) => {
      const bytes = theirs[i] ?? Buffer.alloc(0);
      assert.equal(hexOf(encodeGroup(group, bytes.readUInt32BE(4))), hexOf(bytes), texts[i] ?? '');
    });
    const printed = await printWithOvs(groups.map(encodeGroup));
    assert.deepEqual(
      printed.filter(line => line.startsWith(' ADD ')).map(line => line.slice(' ADD '.length)),
      texts,
    );
  });
});

/** Flows that a switch with nothing else in it refuses: what they name is not there, or is the datapath's own. */
function isRefused({ match, instructions }: ValidFlow): boolean {
  const isInternal = match.some(({ field }) => field === oxm.recircId || field === oxm.dpHash);
  return (
    isInternal ||
    instructions.some(
      instruction =>
        instruction.kind === 'applyActions' &&
        instruction.actions.some(({ kind }) => kind === 'group' || kind === 'meter' || kind === 'controller'),
    )
  );
}

describe(`a flow in ovs-vswitchd (seed ${seed})`, function () {
  this.timeout(30_000);
  let openvswitch: DummySwitch | undefined;

  before(async function () {
    requires(this, { tools: OVS_TOOLS });
    openvswitch = await DummySwitch.start();
  });

  after(async () => {
    await openvswitch?.stop();
  });

  it('is dumped as it was sent: what a switch holds can be compared with what it should hold', async () => {
    assert.ok(openvswitch);
    const firstXid = 0x8000_0000;
    const sent = flows
      .filter(flow => !isRefused(flow))
      .map((flow, i) => ({ ...flow, cookie: BigInt(i + 1), priority: i + 1, table: i % 3 }));
    const refused: string[] = [];
    const connection = new OpenFlowConnection(createConnection(openvswitch.managementSocket()), {
      timers: systemClock,
      onError: error => {
        const flow = sent[error.xid - firstXid];
        refused.push(`${error.code}: ${flow ? formatFlow(flow) : error.xid}`);
      },
    });
    await connection.ready;
    sent.forEach((flow, i) => connection.write(encodeFlow(flow, firstXid + i, connection.version)));
    await connection.barrier();
    assert.deepEqual(refused, []);
    const parts = await connection.multipart<'flow'>(flowRequest());
    const held = new Map(parts.flatMap(part => part.flows).map(flow => [flow.cookie, flow]));
    assert.equal(held.size, sent.length);
    for (const flow of sent) {
      const { match, instructions } = held.get(flow.cookie) ?? {};
      assert.deepEqual(match, canonicalMatch(flow.match), formatFlow(flow));
      assert.deepEqual(instructions, flow.instructions, formatFlow(flow));
    }
    connection.close();
  });
});
