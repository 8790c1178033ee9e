import { takeWorkerPlace } from '../adapters/embedded/worker-place.ts';
import { SYSTEM_SCOPE } from '../domain/scope.ts';
import type { ControlPlane } from '../planes/control/control-plane.ts';
import { DEMO_USER } from '../planes/control/seed.ts';
import type { Config } from './config.ts';
import { edgeOptions } from './edge-options.ts';
import { checkConfiguredEmbedder } from './embedders.ts';
import type { OpenContext } from './open-context.ts';
import type { DataPlane } from './planes.ts';
import { readinessOf } from './readiness.ts';
import { ShutdownStack } from './shutdown.ts';
import { openStores, type Stores } from './stores.ts';

/** A step may take its grace and a little to cut what is left. */
const CLOSE_MARGIN_MS = 2_000;

/** What one process does: everything, answering only, or ingesting only. */
export type Role = 'all' | 'serve' | 'work';

export interface StartOptions extends Omit<OpenContext, 'shutdown'> {
  readonly config: Config;
  readonly role: Role;
}

export interface System {
  /** Where the server listens; undefined in the role `work`. */
  readonly url: string | undefined;
  /** Set when this start made the demo user. */
  readonly seeded: { readonly email: string; readonly password: string } | undefined;
  /** Takes nothing new, finishes or hands over what runs, closes every store; each step within its deadline. */
  close(): Promise<void>;
}

/** Opens the stores, builds the planes on them and starts the role. If any of it fails, all of it is closed again. */
export async function startSystem(options: StartOptions): Promise<System> {
  const shutdown = new ShutdownStack(options.log);
  try {
    return await start({ ...options, shutdown });
  } catch (error) {
    await shutdown.close();
    throw error;
  }
}

async function start(context: StartOptions & { readonly shutdown: ShutdownStack }): Promise<System> {
  const { config, log, role, shutdown } = context;
  await checkConfiguredEmbedder(config);
  // Reading the libraries of agent and GraphQL takes as long as PostgreSQL takes to start: side by side.
  const modules = Promise.all([import('./planes.ts'), import('./http/server.ts')]);
  modules.catch(() => {});
  const stores = await openStores(context, role === 'work' ? 'work' : 'serve');
  const [planes, { createHttpServer }] = await modules;
  const control = planes.buildControlPlane(config, stores);
  const maySeed = role !== 'work' && config.DATABASE_URL === undefined && config.demoAllowed;
  const seeded = maySeed && (await control.seedDemo()) === 'created';
  const data = await planes.buildDataPlane(context, stores);
  if (role !== 'serve') await startWorker(context, stores, data);
  const url =
    role === 'work' ? undefined : await serve(context, { stores, data, control, planes, createHttpServer });
  log.info({ role, url }, 'ready');
  return { url, seeded: seeded ? DEMO_USER : undefined, close: () => shutdown.close() };
}

async function startWorker(context: OpenContext, stores: Stores, data: DataPlane): Promise<void> {
  const { config, shutdown } = context;
  const place = takeWorkerPlace(stores.folder);
  shutdown.add('worker place', async () => place.leave());
  // On a server of others, workers elsewhere may be alive; there the lease decides.
  if (place.alone && config.DATABASE_URL === undefined) {
    await stores.jobs.recover(SYSTEM_SCOPE);
    await stores.deployments.recoverClaims(SYSTEM_SCOPE, stores.clock.now());
  }
  data.deploymentWorker.start();
  shutdown.add('embedding deployments', () => data.deploymentWorker.close(), config.SHUTDOWN_GRACE_MS);
  data.worker.start();
  shutdown.add('ingestion', () => data.worker.close(), config.SHUTDOWN_GRACE_MS + CLOSE_MARGIN_MS);
}

interface Parts {
  readonly stores: Stores;
  readonly data: DataPlane;
  readonly control: ControlPlane;
  readonly planes: Pick<typeof import('./planes.ts'), 'buildServingPlane' | 'buildDeployments'>;
  readonly createHttpServer: typeof import('./http/server.ts').createHttpServer;
}

async function serve(context: OpenContext, parts: Parts): Promise<string> {
  const { config, log, shutdown } = context;
  const { stores, data, control } = parts;
  const serving = await parts.planes.buildServingPlane(config, stores, data);
  const server = await parts.createHttpServer({
    services: {
      ...{ ...control, ...data.services, ...serving },
      deployments: parts.planes.buildDeployments(config, stores, { ...data, ...serving }),
    },
    options: edgeOptions(config),
    log,
    clock: stores.clock,
    random: stores.random,
    readiness: readinessOf(stores.askable),
  });
  shutdown.add(
    'HTTP server',
    () => server.close(config.SHUTDOWN_GRACE_MS),
    config.SHUTDOWN_GRACE_MS + CLOSE_MARGIN_MS,
  );
  serving.executor.start();
  shutdown.add(
    'answers',
    () => {
      server.drain();
      return serving.executor.drain(config.SHUTDOWN_GRACE_MS);
    },
    config.SHUTDOWN_GRACE_MS + CLOSE_MARGIN_MS,
  );
  const { url } = await server.listen(config.PORT, config.HOST);
  return url;
}
