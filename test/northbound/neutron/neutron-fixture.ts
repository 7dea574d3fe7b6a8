/** The OpenStack API over a real store, view and compiler in this process, beside REST. */
import assert from 'node:assert/strict';
import type { TokenValidator } from '../../../northbound/neutron/identity.js';
import { neutronFrontEnd } from '../../../northbound/neutron/neutron.js';
import { type Answer, type Json, type RestFixture, type RestFixtureOptions, startRest } from '../rest/rest-fixture.js';

export type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

export interface NeutronFixture {
  readonly rest: RestFixture;
  /** `path` is what follows `/neutron/v2.0`. */
  readonly send: Send;
  /** Makes one object and returns it. */
  readonly make: (path: string, member: string, value: Json, by?: Send) => Promise<Made>;
  /** Another caller. */
  readonly as: (token: string) => Send;
}

export type Made = Json & { readonly id: string };

export interface NeutronOptions extends RestFixtureOptions {
  readonly keystone?: TokenValidator;
  readonly isOpen?: boolean;
}

export async function startNeutron({
  keystone,
  isOpen = true,
  ...options
}: NeutronOptions = {}): Promise<NeutronFixture> {
  const rest = await startRest({
    ...options,
    frontEnds: context => [
      neutronFrontEnd({
        context,
        keystone: keystone ?? null,
        keystoneUrl: keystone === undefined ? null : 'http://keystone',
        isOpen,
      }),
    ],
  });
  const as =
    (token: string): Send =>
    (method, path, body, headers = {}) =>
      rest.request(method, `/neutron/v2.0${path}`, body, {
        ...(token === '' ? {} : { 'x-auth-token': token }),
        ...headers,
      });
  const send = as('');
  const make: NeutronFixture['make'] = async (path, member, value, by = send) => {
    const answer = await by('POST', path, { [member]: value });
    assert.equal(answer.status, 201, answer.text);
    return answer.body[member] as Made;
  };
  return { rest, send, make, as };
}

let shared: Promise<NeutronFixture> | null = null;

/** One server for all suites where everybody is let in: each makes its own objects. */
export const sharedNeutron = (): Promise<NeutronFixture> => (shared ??= startNeutron());

// Outside any suite: a root hook, run once after all tests of the process.
after(async () => {
  const neutron = await shared;
  shared = null;
  await neutron?.rest.close();
});

/** What is refused, with its status and the name of the class that clients know. */
export function assertFault(answer: Answer, status: number, type: string, message?: RegExp): void {
  const { NeutronError: fault } = answer.body as { NeutronError?: Json };
  assert.deepEqual([answer.status, fault?.['type'], fault?.['detail']], [status, type, ''], answer.text);
  assert.deepEqual(Object.keys(answer.body), ['NeutronError']);
  if (message !== undefined) assert.match(String(fault?.['message']), message);
}

/** The objects of a list. */
export const listed = (answer: Answer, collection: string): readonly Made[] => {
  assert.equal(answer.status, 200, answer.text);
  return answer.body[collection] as readonly Made[];
};

/** In the order of their JSON. */
export const sorted = <T>(values: readonly T[]): readonly T[] =>
  values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

export const idsOf = (rows: readonly Made[]): readonly string[] => rows.map(({ id }) => id).toSorted();

/** What tests of one API say often. */
export interface Verbs {
  readonly send: Send;
  readonly make: NeutronFixture['make'];
  /** In REST; the path follows `/v1`. */
  readonly rest: Send;
  /** The one object that is shown. */
  readonly read: (path: string) => Promise<Made>;
  readonly put: (path: string, member: string, value: object) => Promise<Made>;
  /** A verb of its own, such as add_router_interface. */
  readonly act: (path: string, value: object) => Promise<Made>;
  readonly subnetOn: (network: Made, cidr: string, more?: object) => Promise<Made>;
}

export function verbsOf(neutron: () => NeutronFixture): Verbs {
  const send: Send = (...args) => neutron().send(...args);
  const make: NeutronFixture['make'] = (...args) => neutron().make(...args);
  const act = async (path: string, value: object): Promise<Made> => {
    const { status, body, text } = await send('PUT', path, value);
    assert.equal(status, 200, text);
    return body as Made;
  };
  return {
    send,
    make,
    act,
    rest: (method, path, body) => neutron().rest.request(method, `/v1${path}`, body),
    read: async path => {
      const { status, body, text } = await send('GET', path);
      assert.equal(status, 200, text);
      return Object.values(body)[0] as Made;
    },
    put: async (path, member, value) => (await act(path, { [member]: value }))[member] as Made,
    subnetOn: (network, cidr, more = {}) =>
      make('/subnets', 'subnet', { network_id: network.id, ip_version: cidr.includes(':') ? 6 : 4, cidr, ...more }),
  };
}
