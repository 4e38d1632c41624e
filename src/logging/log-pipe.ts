/**
 * A log that nobody reads any more (`launch_server | head`, a collector that was restarted) must not end the server:
 * writes to a closed pipe are dropped.
 */
export function keepRunningWithoutLog(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
