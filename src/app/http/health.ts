import type { FastifyInstance } from 'fastify';

/** Whether this process can serve; of each store its name and state and nothing else. */
export interface Readiness {
  readonly status: 'ready' | 'not ready' | 'stopping';
  /** `silent`: no answer within the deadline. */
  readonly stores: Readonly<Record<string, 'ready' | 'unavailable' | 'silent'>>;
  readonly pools?: Readonly<Record<string, PoolGauges>>;
}
/** A pool of connections: `waiting` calls have none yet. */
export interface PoolGauges {
  readonly open: number;
  readonly idle: number;
  readonly waiting: number;
}
export type ReadinessCheck = () => Promise<Readiness>;

const NO_STORE = { 'cache-control': 'no-store' };

/** `/health/live`: the process answers. `/health/ready`: it can serve, its stores too. */
export function serveHealth(app: FastifyInstance, readiness: ReadinessCheck): void {
  app.get('/health/live', (_request, reply) => reply.headers(NO_STORE).send({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const answer = await readiness();
    return reply
      .headers(NO_STORE)
      .code(answer.status === 'ready' ? 200 : 503)
      .send(answer);
  });
}
