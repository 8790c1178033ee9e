import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { DomainError } from '../../domain/errors.ts';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

export const systemResolve: Resolve = (hostname) => systemLookup(hostname, { all: true });

/**
 * A lookup for one connection: it answers with addresses that were resolved and checked once, before connecting. Asking
 * again at connect time would let a name that first pointed at a public host point at an inner one (DNS rebinding).
 */
export async function pinnedLookup(
  hostname: string,
  resolve: Resolve,
  isAllowed: (address: string) => boolean,
): Promise<LookupFunction> {
  const addresses = await addressesOf(hostname, resolve);
  // One inner address among public ones is no accident.
  if (addresses.length === 0 || !addresses.every(({ address }) => isAllowed(address))) {
    throw new DomainError('BAD_USER_INPUT', 'The URL does not point at a public address.');
  }
  const [first = { address: '', family: 4 }] = addresses;
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}

/** Node connects to a literal address without any lookup, so it is checked here like a resolved one. */
async function addressesOf(hostname: string, resolve: Resolve): Promise<readonly ResolvedAddress[]> {
  const literal = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(literal);
  if (family !== 0) return [{ address: literal, family }];
  try {
    return await resolve(hostname);
  } catch (cause) {
    throw new DomainError('BAD_USER_INPUT', 'The host of the URL is unknown.', { cause });
  }
}
