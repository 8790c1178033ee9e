import type {
  AccessTokenSigner,
  ApiKeyRepository,
  CollectionRepository,
  PasswordHasher,
  SessionCache,
  SessionRepository,
  UserRepository,
  WorkspaceRepository,
} from '../../domain/ports/identity.ts';
import type { RateLimiter } from '../../domain/ports/limits.ts';
import type { UsageLedger } from '../../domain/ports/runs.ts';
import type { Clock, IdGenerator, Log, Random } from '../../domain/ports/system.ts';
import type { IdentityApi, WorkspaceApi } from '../services.ts';
import { ApiKeyService } from './api-key-service.ts';
import { Authenticator } from './authenticator.ts';
import { CredentialStates } from './credential-states.ts';
import { IdentityService } from './identity-service.ts';
import { DEFAULT_LOGIN_LIMITS, LoginGuard, type LoginLimits } from './login-guard.ts';
import { PasswordCheck } from './password-check.ts';
import { seedDemo } from './seed.ts';
import { SessionIssuer } from './session-issuer.ts';
import { WorkspaceService } from './workspace-service.ts';

export interface ControlPlaneDeps {
  readonly users: UserRepository;
  readonly workspaces: WorkspaceRepository;
  readonly collections: CollectionRepository;
  readonly sessions: SessionRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly ledger: UsageLedger;
  readonly sessionCache: SessionCache;
  readonly rateLimiter: RateLimiter;
  readonly passwordHasher: PasswordHasher;
  readonly accessTokenSigner: AccessTokenSigner;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: IdGenerator;
  readonly log: Log;
}
export interface ControlPlaneOptions {
  /** True only on a loopback address outside production; elsewhere the published password opens nothing. */
  readonly allowDemoPassword: boolean;
  /** False: nobody makes an account by themselves. */
  readonly signUpOpen?: boolean;
  readonly loginLimits?: Partial<LoginLimits>;
  readonly accessTokenMs?: number;
  readonly refreshTokenMs?: number;
  /** Of new workspaces, per month, in micro-units; null: unlimited. */
  readonly quotaLimitMicros?: number | null;
}
export interface ControlPlane {
  readonly identity: IdentityApi;
  readonly workspaces: WorkspaceApi;
  seedDemo(): Promise<'created' | 'exists'>;
}

const ACCESS_TOKEN_MS = 15 * 60_000;
const REFRESH_TOKEN_MS = 30 * 24 * 60 * 60_000;

export function createControlPlane(deps: ControlPlaneDeps, options: ControlPlaneOptions): ControlPlane {
  const { allowDemoPassword, quotaLimitMicros = null, signUpOpen = true } = options;
  const states = new CredentialStates(deps);
  const guard = new LoginGuard(deps.rateLimiter, { ...DEFAULT_LOGIN_LIMITS, ...options.loginLimits });
  const passwordCheck = new PasswordCheck(deps, allowDemoPassword);
  const issuer = new SessionIssuer(deps, {
    accessTokenMs: options.accessTokenMs ?? ACCESS_TOKEN_MS,
    refreshTokenMs: options.refreshTokenMs ?? REFRESH_TOKEN_MS,
  });
  const authenticator = new Authenticator({ ...deps, states });
  const apiKeyService = new ApiKeyService({ ...deps, states });
  return {
    identity: new IdentityService(
      { ...deps, guard, passwordCheck, issuer, states, authenticator, apiKeyService },
      { allowDemoPassword, quotaLimitMicros, signUpOpen },
    ),
    workspaces: new WorkspaceService({ ...deps, states }, { quotaLimitMicros }),
    seedDemo: () => seedDemo(deps, { allowDemoPassword, quotaLimitMicros }),
  };
}
