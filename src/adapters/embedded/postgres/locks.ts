/** Shared by every process that uses the embedded PostgreSQL of the folder. */
export const HOLDERS_LOCK = 'holders.lock';
/** Held while the cluster is made, started or adopted. */
export const START_LOCK = 'start.lock';
/** Held by the one watchdog. */
export const WATCHDOG_LOCK = 'watchdog.lock';
