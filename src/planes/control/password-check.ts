import type { PasswordHasher, UserRecord, UserRepository } from '../../domain/ports/identity.ts';
import type { Random } from '../../domain/ports/system.ts';
import { SYSTEM_SCOPE } from '../../domain/scope.ts';
import { canonicalPassword, newRefreshToken, refusesDemoPassword } from './credentials.ts';

interface PasswordCheckDeps {
  readonly users: UserRepository;
  readonly passwordHasher: PasswordHasher;
  readonly random: Random;
}

/** One lookup and one verification whatever is wrong, so that nobody can time which accounts exist. */
export class PasswordCheck {
  readonly #deps: PasswordCheckDeps;
  readonly #allowDemoPassword: boolean;
  #decoyHash: Promise<string> | undefined;

  constructor(deps: PasswordCheckDeps, allowDemoPassword: boolean) {
    this.#deps = deps;
    this.#allowDemoPassword = allowDemoPassword;
  }

  /** The user, if the password is theirs. Throws RATE_LIMITED when too many passwords wait to be checked. */
  async findUser(email: string, password: string): Promise<UserRecord | undefined> {
    const user = await this.#deps.users.findByEmail(SYSTEM_SCOPE, email);
    const decoyHash = await this.#decoy();
    const passwordHash = user?.passwordHash ?? decoyHash;
    const matches = await this.#deps.passwordHasher.verify(passwordHash, canonicalPassword(password));
    return matches && !refusesDemoPassword(password, this.#allowDemoPassword) ? user : undefined;
  }

  /** Made at the first login of the process, whoever logs in: a hash of random bits that are thrown away. */
  #decoy(): Promise<string> {
    this.#decoyHash ??= this.#deps.passwordHasher
      .hash(newRefreshToken(this.#deps.random).value)
      .catch((error: unknown) => {
        this.#decoyHash = undefined;
        throw error;
      });
    return this.#decoyHash;
  }
}
