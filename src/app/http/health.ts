import type { FastifyInstance } from 'fastify';

/** Resolves when this process can serve; rejects, or says false, when it cannot. */
export type Readiness = () => Promise<boolean>;

const NO_STORE = { 'cache-control': 'no-store' };

/** `/health/live`: the process answers. `/health/ready`: it can serve, its stores too. */
export function serveHealth(app: FastifyInstance, readiness: Readiness): void {
  app.get('/health/live', (_request, reply) => reply.headers(NO_STORE).send({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const ready = await readiness().catch(() => false);
    return reply
      .headers(NO_STORE)
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready' });
  });
}
