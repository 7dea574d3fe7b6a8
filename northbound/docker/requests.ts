/** Requests of a Docker engine as they come: members that it leaves out, and nulls that it puts in their place. */
import { type Cidr, formatCidr, formatIp, parseCidr, parseIp } from '../../src/base/address.js';
import { WeftError } from '../../src/base/errors.js';
import { isObject } from '../../src/model/value-types.js';

export type Body = Readonly<Record<string, unknown>>;

/** A member that is text; empty where it is left out. */
export function textOf(body: Body, name: string): string {
  const value = body[name];
  return typeof value === 'string' ? value : '';
}

/** @throws WeftError missing_member */
export function requiredText(body: Body, name: string): string {
  const value = textOf(body, name);
  if (value === '')
    throw new WeftError('missing_member', { detail: `The request has no ${name}.`, pointer: `/${name}` });
  return value;
}

/** A member that is an object; empty where it is left out. */
export function objectOf(body: Body, name: string): Body {
  const value = body[name];
  return isObject(value) ? value : {};
}

/** A member that is a list of objects; empty where it is left out. */
export function objectsOf(body: Body, name: string): readonly Body[] {
  const value = body[name];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The options that are ours, all of them text. @throws WeftError unknown_member for one that is none of `known` */
export function weftOptions(options: Body, known: readonly string[]): Readonly<Record<string, string>> {
  const own = Object.entries(options).filter(([name]) => name.startsWith('weft.'));
  for (const [name, value] of own) {
    if (!known.includes(name))
      throw new WeftError('unknown_member', { detail: `There is no option ${name}; there are ${known.join(', ')}.` });
    if (typeof value !== 'string' || value === '')
      throw new WeftError('invalid_value', { detail: `The option ${name} has no value.` });
  }
  return Object.fromEntries(own) as Readonly<Record<string, string>>;
}

/** Names between commas. */
export function namesIn(text: string | undefined): readonly string[] {
  return (text ?? '')
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '');
}

/** The network of a range as Weft writes it. @throws WeftError invalid_value */
export function networkOf(text: string): string {
  const cidr = parsedCidr(text);
  return formatCidr({ ...cidr, address: cidr.network });
}

/** @throws WeftError invalid_value */
export function parsedCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr === null)
    throw new WeftError('invalid_value', { detail: `"${text.slice(0, 64)}" is not a range of addresses.` });
  return cidr;
}

/** The address of `address` or `address/length`. @throws WeftError invalid_value */
export function addressOf(text: string): string {
  const [address = ''] = text.split('/', 1);
  const ip = parseIp(address);
  if (ip === null) throw new WeftError('invalid_value', { detail: `"${text.slice(0, 64)}" is not an address.` });
  return formatIp(ip.family, ip.value);
}

export const isIpv6 = (text: string): boolean => text.includes(':');
