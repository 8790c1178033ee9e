import type { Unsubscribe } from '../../domain/ports/system.ts';
import type { Principal } from '../../domain/principal.ts';
import type { ErrorMapping } from '../../graphql/error-mapping.ts';
import type { IdentityApi } from '../../planes/services.ts';

/** Something that stays open for a principal. */
export interface Holder {
  readonly principal: Principal | undefined;
  /** Ends it when the principal's credential is not valid any more. */
  recheck(): Promise<unknown>;
}

/**
 * Checks the holders again when, and only when, a credential of theirs may have changed: a thousand idle sockets ask the
 * stores nothing. One at a time, because after an outage they are all asked.
 */
export function watchCredentials(
  identity: Pick<IdentityApi, 'onCredentialChange'>,
  holders: () => Iterable<Holder>,
  errors: Pick<ErrorMapping, 'report'>,
): Unsubscribe {
  return identity.onCredentialChange(async (affects) => {
    const affected = [...holders()].filter(({ principal }) => principal !== undefined && affects(principal));
    for (const holder of affected) await holder.recheck().catch((error: unknown) => errors.report(error));
  });
}
