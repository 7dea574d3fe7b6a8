/** Who takes charge of the switches programs them by what the database holds then, and not by what it held when it was last read. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/log.js';
import { Controller } from '../../src/controller.js';
import { SeededRandom } from '../seeded-random.js';
import { RandomOperations } from './random-operations.js';
import { ports, SimulatedNetwork } from './simulated-network.js';
import { SimulatedDatabase } from './simulated-store.js';
import { ProcessClock, VirtualTime } from './virtual-time.js';

describe('a Weft that takes charge', () => {
  it('has read the database since it has the lease, also when that was restored a moment before', async () => {
    let handedOver = 0;
    // It polls once in a second, and asks for the lease as often.
    for (let restoredAfterMs = 0; restoredAfterMs < 1_000; restoredAfterMs += 50) {
      const time = new VirtualTime();
      const random = new SeededRandom(restoredAfterMs);
      const database = new SimulatedDatabase(time, random);
      const network = new SimulatedNetwork(time, random);
      const operations = new RandomOperations(database, random);
      const stale: string[] = [];
      let takeovers = 0;
      const start = async (address: string): Promise<void> => {
        const process = new ProcessClock(time);
        const listenAt = (port: number) => [{ kind: 'tcp', host: address, port }] as const;
        const controller = new Controller({
          store: database.handle(process),
          clock: process,
          log: silentLogger,
          build: 'simulated',
          holder: address,
          ovsdbListen: listenAt(ports.ovsdb),
          openflowListen: listenAt(ports.openflow),
          puntListen: listenAt(ports.punt),
          tls: null,
          advertise: null,
          listen: network.listenOn(process),
        });
        const { checks, fleet, view } = controller;
        const setTerm = fleet.setTerm.bind(fleet);
        fleet.setTerm = term => {
          setTerm(term);
          if (term === null) return;
          takeovers += 1;
          const [held, there] = [checks.checkOf(view.revision), database.checkOf(database.revision)];
          if (held !== there) stale.push(`${address} begins at ${view.revision}, not ${database.revision}`);
        };
        await controller.follow(() => {});
        await controller.letIn(() => {});
      };
      await time.govern(async () => {
        while (database.revision < 5) operations.transact();
        const backup = database.backUp();
        void start('192.0.2.1');
        await time.pass(300);
        void start('192.0.2.2');
        await time.pass(700);
        while (database.revision < 10) operations.transact();
        await time.pass(restoredAfterMs);
        // A backup of before anybody had the lease: whoever asks first has it.
        database.restore(backup);
        await time.pass(3_500);
      });
      assert.deepEqual(stale, [], `restored after ${restoredAfterMs} ms`);
      handedOver += takeovers - 1;
    }
    assert.ok(handedOver >= 5, `charge was taken ${handedOver} times after the database was restored`);
  });
});
