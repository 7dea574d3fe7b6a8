import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { decodeMessage, encodeMessage, type ReceivedMessage } from '../../southbound/openflow/message-codec.js';
import { readSamples } from '../southbound/openflow/message-samples.js';
import { printWithOvs } from './ovs-ofctl.js';
import { protocols, recordSession, type Protocol } from './openflow-sessions.js';
import { requires } from '../fixtures/requires.js';
import { OVS_TOOLS } from './dummy-switch.js';

const multipartKinds = [
  'aggregate',
  'description',
  'flow',
  'groupDescription',
  'groupFeatures',
  'groupStats',
  'meterConfig',
  'meterFeatures',
  'meterStats',
  'portDescription',
  'portStats',
  'table',
  'tableFeatures',
];
const everywhere = [
  'barrierReply',
  'barrierRequest',
  'bundleAdd',
  'bundleControl',
  'ctFlush',
  'ctFlushZone',
  'featuresReply',
  'featuresRequest',
  'flowMod',
  'flowRemoved',
  'getConfigReply',
  'getConfigRequest',
  'groupMod',
  'hello',
  'meterMod',
  'packetIn',
  'packetIn2',
  'packetOut',
  'portMod',
  'portStatus',
  'setConfig',
  'setPacketInFormat',
  'tlvTableMod',
  'tlvTableReply',
  'tlvTableRequest',
  ...multipartKinds.flatMap(kind => [`multipartRequest ${kind}`, `multipartReply ${kind}`]),
];
const from14 = [
  'tableMod',
  ...['tableDescription', 'flowMonitor'].flatMap(kind => [`multipartRequest ${kind}`, `multipartReply ${kind}`]),
];

function kindOf({ message }: ReceivedMessage): string {
  return 'body' in message ? `${message.kind} ${message.body.kind}` : message.kind;
}

function expectedKinds(protocol: Protocol): readonly string[] {
  return protocol === 'OpenFlow13' ? everywhere : [...everywhere, ...from14];
}

describe('the recorded messages', function () {
  this.timeout(60_000);
  before(function () {
    requires(this, { tools: OVS_TOOLS });
  });

  it('are printed by ovs-ofctl as their files say', async () => {
    const samples = [...readSamples().values()].flat();
    const printed = await printWithOvs(samples.map(({ bytes }) => bytes));
    assert.deepEqual(
      printed,
      samples.flatMap(({ text }) => text),
    );
  });
});

describe('messages between ovs-ofctl and ovs-vswitchd', function () {
  this.timeout(60_000);
  before(function () {
    requires(this, { tools: OVS_TOOLS });
  });

  for (const protocol of protocols) {
    it(`of ${protocol} are all known and encode to the very same bytes`, async () => {
      const seen = new Set<string>();
      for (const { bytes, from } of await recordSession(protocol)) {
        const received = decodeMessage(bytes);
        const kind = kindOf(received);
        seen.add(kind);
        const again = encodeMessage(received.message, received.xid, received.version);
        assert.equal(Buffer.from(again).toString('hex'), Buffer.from(bytes).toString('hex'), `${kind} from ${from}`);
      }
      const missing = expectedKinds(protocol).filter(kind => !seen.has(kind));
      assert.deepEqual(missing, []);
      const strange = [...seen].filter(kind => /unknown|experimenter/.test(kind));
      assert.deepEqual(strange, []);
    });
  }
});
