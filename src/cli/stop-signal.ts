/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function onStopSignal(): { readonly promise: Promise<void>; readonly signal: AbortSignal } {
  const controller = new AbortController();
  const promise = new Promise<void>((resolve) => {
    const stop = () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort(new Error('stopped by a signal'));
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
  return { promise, signal: controller.signal };
}
