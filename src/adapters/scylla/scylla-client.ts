import { Client, policies } from 'cassandra-driver';
import type { ScyllaSettings } from './scylla-url.ts';

/** Of one attempt to open a connection, and of one attempt of a request at one node. */
export interface Timeouts {
  readonly connectTimeoutMs: number;
  readonly readTimeoutMs: number;
}

/** Attempts after the first one; each goes to the next node of the statement's plan. */
const RETRIES_MAX = 2;
const RECONNECT_FIRST_MS = 100;
const RECONNECT_MAX_MS = 2_000;
/** An idle connection is asked this often whether it lives, so that a silent peer is noticed without a request. */
const HEARTBEAT_MS = 5_000;
/** So many unanswered requests, and a connection is given up: it may be half open. */
const UNANSWERED_MAX = 8;
const REQUESTS_PER_CONNECTION_MAX = 2_048;

/** A driver client for the settings, not yet connected; without a keyspace when it may not exist yet. */
export function newScyllaClient(
  settings: ScyllaSettings,
  timeouts: Timeouts,
  { keyspace }: { readonly keyspace: boolean },
): Client {
  const { loadBalancing, reconnection } = policies;
  return new Client({
    contactPoints: [...settings.contactPoints],
    protocolOptions: { port: settings.port },
    localDataCenter: settings.dataCentre,
    ...(keyspace ? { keyspace: settings.keyspace } : {}),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
    ...(settings.tls ? { sslOptions: { rejectUnauthorized: true } } : {}),
    policies: {
      // The replicas of the statement's partition first, and no node of another data centre.
      loadBalancing: new loadBalancing.TokenAwarePolicy(
        new loadBalancing.DCAwareRoundRobinPolicy(settings.dataCentre),
      ),
      reconnection: new reconnection.ExponentialReconnectionPolicy(RECONNECT_FIRST_MS, RECONNECT_MAX_MS),
      retry: new BoundedRetryPolicy(),
    },
    queryOptions: { consistency: settings.consistency },
    pooling: { heartBeatInterval: HEARTBEAT_MS, maxRequestsPerConnection: REQUESTS_PER_CONNECTION_MAX },
    socketOptions: {
      connectTimeout: timeouts.connectTimeoutMs,
      readTimeout: timeouts.readTimeoutMs,
      defunctReadTimeoutThreshold: UNANSWERED_MAX,
    },
    // Usage reports of another vendor's server.
    monitorReporting: { enabled: false },
  });
}

/** What is used of the driver's inside. */
interface ControlConnection {
  shutdown(): void;
  readonly connection?: { closeAsync(): Promise<void> } | null;
}

/**
 * Ends a client for which connecting has failed. The driver's own `shutdown` does nothing then and forgets the control
 * connection when the failure came after it was made (a data centre that does not exist): left open, it would keep the
 * process from ending.
 */
export async function abandon(client: Client): Promise<void> {
  await client.shutdown();
  const control = (client as Client & { readonly controlConnection?: ControlConnection }).controlConnection;
  control?.shutdown();
  await control?.connection?.closeAsync();
}

/** The driver's own policy tries every node of the cluster; asked only for statements that may be repeated. */
class BoundedRetryPolicy extends policies.retry.RetryPolicy {
  override onRequestError(
    ...[info, consistency, error]: Parameters<policies.retry.RetryPolicy['onRequestError']>
  ): policies.retry.DecisionInfo {
    if (info.nbRetry >= RETRIES_MAX) return this.rethrowResult();
    return super.onRequestError(info, consistency, error);
  }
}
