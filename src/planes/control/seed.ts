import { DomainError } from '../../domain/errors.ts';
import type { PasswordHasher, UserRepository } from '../../domain/ports/identity.ts';
import type { IdGenerator } from '../../domain/ports/system.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import { DEMO_PASSWORD } from './credentials.ts';

interface SeedDeps {
  readonly users: UserRepository;
  readonly passwordHasher: PasswordHasher;
  readonly ids: IdGenerator;
}
interface SeedOptions {
  readonly allowDemoPassword: boolean;
  /** As of every new workspace. */
  readonly quotaLimitMicros: number | null;
}
/** Who is there to log in with on a database without accounts. */
export const DEMO_USER = { email: 'test@example.com', password: DEMO_PASSWORD } as const;
const DEMO_WORKSPACE_NAME = 'Demo';

/**
 * The demo user with a workspace of their own. Does nothing where anybody has an account, also when two processes
 * seed at once; a first start that was killed half-way leaves it to the next one. Throws FORBIDDEN where the demo password opens nothing.
 */
export async function seedDemo(deps: SeedDeps, options: SeedOptions): Promise<'created' | 'exists'> {
  if (!options.allowDemoPassword) {
    throw new DomainError('FORBIDDEN', 'The demo user is for a loopback address outside production only.');
  }
  const { users, passwordHasher, ids } = deps;
  if (!(await users.isEmpty(SYSTEM_SCOPE))) return 'exists';
  const workspaceId = ids.next('wsp');
  const user = {
    id: ids.next('usr'),
    email: DEMO_USER.email,
    passwordHash: await passwordHasher.hash(DEMO_USER.password),
    defaultWorkspaceId: workspaceId,
  };
  const outcome = await users.createWithWorkspace(SYSTEM_SCOPE, user, {
    id: workspaceId,
    name: DEMO_WORKSPACE_NAME,
    defaultCollectionId: ids.next('col'),
    ownerId: user.id,
    quotaLimitMicros: options.quotaLimitMicros,
  });
  return outcome === 'created' ? 'created' : 'exists';
}
