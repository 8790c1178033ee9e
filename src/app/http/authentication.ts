import type { Principal } from '../../domain/principal.ts';
import { RequestContext } from '../../graphql/context.ts';
import type { Origin, Services } from '../../planes/services.ts';

/** What is known of a caller before any operation is read. */
export interface Caller {
  readonly principal: Principal | undefined;
  /** A credential was sent and is not valid. */
  readonly credentialRefused: boolean;
  readonly origin: Origin;
  readonly requestId: string;
  readonly baseUrl: string;
}

/** Longer values are not one of ours. */
const AUTHORIZATION_LENGTH_MAX = 8_192;

/** Throws only when the stores that know are out of reach. */
export async function identify(
  services: Services,
  authorization: string | undefined,
): Promise<Pick<Caller, 'principal' | 'credentialRefused'>> {
  if (authorization === undefined || authorization === '') {
    return { principal: undefined, credentialRefused: false };
  }
  if (authorization.length > AUTHORIZATION_LENGTH_MAX) {
    return { principal: undefined, credentialRefused: true };
  }
  const principal = await services.identity.authenticate(authorization);
  return { principal, credentialRefused: principal === undefined };
}

export function createContext(services: Services, caller: Caller): RequestContext {
  return new RequestContext({ services, ...caller });
}
