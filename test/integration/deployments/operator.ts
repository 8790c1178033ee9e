import { setTimeout as sleep } from 'node:timers/promises';

export interface ShownDeployment {
  readonly id: string;
  readonly version: number;
  readonly embedder: string;
  readonly modelId: string;
  readonly dimensions: number;
  readonly state: string;
  readonly whole: boolean;
  readonly chunkCount: number;
  readonly embeddedCount: number;
  readonly shadow: {
    readonly queryCount: number;
    readonly recallAt10: number | null;
    readonly ndcgAt10: number | null;
  };
  readonly gate: { readonly problems: readonly string[] };
  readonly error: { readonly message: string } | null;
}
export interface Change {
  readonly __typename: string;
  readonly code?: string;
  readonly problems?: readonly string[];
  readonly deployment?: ShownDeployment;
}

const DEPLOYMENT = `id version embedder modelId dimensions state whole chunkCount embeddedCount
  shadow { queryCount recallAt10 ndcgAt10 } gate { problems } error { message }`;
const RESULT = `__typename ... on UserError { code } ... on DeploymentGateClosed { problems }
  ... on EmbeddingDeploymentSuccess { deployment { ${DEPLOYMENT} } }`;
const WAIT_MS = 300;
const WAITS_MAX = 1_000;

/** Somebody with a token who deploys embedding models. */
export class Operator {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  static async signIn(
    url: string,
    { email, password }: { email: string; password: string },
  ): Promise<Operator> {
    const query = `mutation ($email: String!, $password: String!) {
      login(input: { email: $email, password: $password }) { ... on LoginSuccess { accessToken } } }`;
    const { login } = await new Operator(url, '').send<{ login: { accessToken: string } }>(query, {
      email,
      password,
    });
    return new Operator(url, login.accessToken);
  }

  async send<Data>(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Data> {
    const response = await fetch(`${this.#url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#token}` },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
    if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
    return data;
  }

  async place(): Promise<{ readonly workspaceId: string; readonly collectionId: string }> {
    const { workspace } = await this.send<{ workspace: { id: string; defaultCollectionId: string } }>(
      '{ workspace { id defaultCollectionId } }',
    );
    return { workspaceId: workspace.id, collectionId: workspace.defaultCollectionId };
  }

  async create(collectionId: string, embedder: string, gate = ''): Promise<Change> {
    const query = `mutation ($c: ID!, $e: String!) {
      change: createEmbeddingDeployment(input: { collectionId: $c, embedder: $e ${gate} }) { ${RESULT} } }`;
    return (await this.send<{ change: Change }>(query, { c: collectionId, e: embedder })).change;
  }

  async change(mutation: string, deploymentId: string, more = ''): Promise<Change> {
    const query = `mutation ($id: ID!) { change: ${mutation}(input: { deploymentId: $id ${more} }) { ${RESULT} } }`;
    return (await this.send<{ change: Change }>(query, { id: deploymentId })).change;
  }

  async get(id: string): Promise<ShownDeployment> {
    const query = `query ($id: ID!) { found: embeddingDeployment(id: $id) { ${DEPLOYMENT} } }`;
    return (await this.send<{ found: ShownDeployment }>(query, { id })).found;
  }

  /** Newest first. */
  async list(collectionId: string): Promise<readonly ShownDeployment[]> {
    const { collections } = await this.send<{
      collections: readonly { id: string; embeddingDeployments: readonly ShownDeployment[] }[];
    }>(`{ collections { id embeddingDeployments { ${DEPLOYMENT} } } }`);
    return collections.find(({ id }) => id === collectionId)?.embeddingDeployments ?? [];
  }

  async waitFor(id: string, isReached: (deployment: ShownDeployment) => boolean): Promise<ShownDeployment> {
    let last: ShownDeployment | undefined;
    for (let waits = 0; waits < WAITS_MAX; waits += 1) {
      last = await this.get(id);
      if (isReached(last)) return last;
      await sleep(WAIT_MS);
    }
    throw new Error(`waited in vain: ${JSON.stringify(last)}`);
  }
}
