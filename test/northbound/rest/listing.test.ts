/** Lists of tenants: what they show, and that what others have costs nothing. */
import assert from 'node:assert/strict';
import type { Caller } from '../../../northbound/rest/access.js';
import { type Listing, page } from '../../../northbound/rest/listing.js';
import { Sight } from '../../../northbound/rest/sight.js';
import type { Kind, RowOf } from '../../../src/model/index.js';
import { NetworkView, type RowAfter } from '../../../src/view/network-view.js';
import type { IndexName, IndexValue, ViewKind, ViewRow } from '../../../src/view/rows.js';

const id = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

/** What lists look at of a row. */
const row = (kind: Kind, number: number, projectId: string, more: object = {}): RowAfter<Kind> => {
  const common = {
    id: id(number),
    name: `n${number}`,
    labels: {},
    projectId,
    number,
    revision: 1,
    createdAt: '',
    updatedAt: '',
  };
  return { kind, id: id(number), after: { ...common, ...more } } as unknown as RowAfter<Kind>;
};

/** Counts the rows that it hands out. */
class CountingView extends NetworkView {
  handedOut = 0;

  override rows<K extends ViewKind>(kind: K): readonly ViewRow<K>[] {
    return this.#counted(super.rows(kind));
  }

  override by<K extends ViewKind, I extends IndexName<K>>(kind: K, index: I, value: IndexValue): readonly ViewRow<K>[] {
    return this.#counted(super.by(kind, index, value));
  }

  override rowsOfProject<K extends Kind>(kind: K, projectId: string, options: { readonly shared: boolean }) {
    return this.#counted(super.rowsOfProject(kind, projectId, options));
  }

  #counted<R>(rows: readonly R[]): readonly R[] {
    this.handedOut += rows.length;
    return rows;
  }
}

describe('REST: lists', () => {
  const listing = (more: Partial<Listing> = {}): Listing => ({
    equals: new Map(),
    labels: [],
    limit: 1_000,
    after: null,
    ...more,
  });
  const caller = (projectId: string | null): Caller => ({
    name: 't',
    subject: 't',
    role: projectId === null ? 'admin' : 'member',
    projectId,
    scopes: [],
    expiresAtMs: null,
  });

  /** A tenant with two switches, one of others shared with it, and so many of others. */
  function network(others: number): CountingView {
    const view = new CountingView();
    const own = [1, 3].map(number => row('logical-switches', number, 'mine', { sharedWith: [] }));
    const shared = row('logical-switches', 2, 'theirs', { sharedWith: ['mine'] });
    const foreign = Array.from({ length: others }, (_, n) =>
      row('logical-switches', 100 + n, 'theirs', { sharedWith: [] }),
    );
    const subnet = (number: number, projectId: string, of: number) =>
      row('subnets', number, projectId, { logicalSwitchId: id(of), cidr: '10.0.0.0/24', gatewayIp: null });
    const subnets = [subnet(5, 'mine', 1), subnet(4, 'theirs', 2), subnet(6, 'operators', 3)];
    const more = Array.from({ length: others }, (_, n) => subnet(100_000 + n, 'theirs', 100 + n));
    view.apply(1, [...own, shared, ...foreign, ...subnets, ...more]);
    view.handedOut = 0;
    return view;
  }
  const numbers = (view: NetworkView, kind: Kind, project: string | null, query = listing()): readonly number[] => {
    const { rows } = page({ view }, kind, query, new Sight(view, caller(project)));
    return rows.map((each: RowOf<Kind>) => each.number);
  };

  it('show a tenant what is its own, shared with it, or seen through those, in the order of ids', () => {
    const view = network(10);
    assert.deepEqual(numbers(view, 'logical-switches', 'mine'), [1, 2, 3]);
    assert.deepEqual(numbers(view, 'subnets', 'mine'), [4, 5, 6]);
    assert.deepEqual(numbers(view, 'subnets', 'mine', listing({ equals: new Map([['logicalSwitchId', id(2)]]) })), [4]);
    assert.deepEqual(numbers(view, 'subnets', 'mine', listing({ equals: new Map([['name', 'n6']]) })), [6]);
    assert.deepEqual(numbers(view, 'logical-switches', 'nobody'), []);
    assert.equal(numbers(view, 'logical-switches', null).length, 13);
  });

  it('go on after the last id of the page before, whether or not it is still there', () => {
    const view = network(0);
    const sight = new Sight(view, caller('mine'));
    const first = page({ view }, 'logical-switches', listing({ limit: 2 }), sight);
    assert.deepEqual([first.rows.map(({ number }) => number), first.next], [[1, 2], id(2)]);
    view.apply(2, [{ kind: 'logical-switches', id: id(2), after: null }]);
    assert.deepEqual(numbers(view, 'logical-switches', 'mine', listing({ after: id(2) })), [3]);
    assert.deepEqual(numbers(view, 'logical-switches', 'mine', listing({ after: id(1) })), [3]);
  });

  it('cost a tenant the same however much others have', () => {
    const costs = [10, 5_000].map(others => {
      const view = network(others);
      for (const kind of ['logical-switches', 'subnets'] as const) numbers(view, kind, 'mine');
      numbers(view, 'subnets', 'mine', listing({ equals: new Map([['logicalSwitchId', id(100)]]) }));
      numbers(view, 'logical-switches', 'mine', listing({ equals: new Map([['name', 'n105']]), limit: 1 }));
      return view.handedOut;
    });
    assert.equal(costs[0], costs[1]);
  });
});
