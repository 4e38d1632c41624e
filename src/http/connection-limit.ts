import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { logger } from '../logging/logger';

/** Files this process needs for itself: its log, the model folder, the queues to its children. */
const RESERVED_FILES = 64;
const MIN_CLIENTS = 16;
/** Time between two lines about refused connections. */
const LOG_MS = 10_000;

/**
 * How many clients may be connected so that file descriptors are left for the server itself; null where there is no limit or
 * the system does not say. Node has raised the soft limit to the hard one by then: only the operator can raise it further.
 * @param limits the text of Linux's `/proc/self/limits`
 */
export function maxClients(limits = readLimits()): number | null {
  const files = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return files === undefined ? null : Math.max(MIN_CLIENTS, Number(files) - RESERVED_FILES);
}

function readLimits(): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return '';
  }
}

/** Lets a server refuse connections beyond `max`, and say so. Without this they would be closed without a word. */
export function limitConnections(server: Server, max: number | null): void {
  if (max === null) return;
  server.maxConnections = max;
  let refused = 0;
  let loggedAt = -Infinity;
  server.on('drop', () => {
    refused += 1;
    if (performance.now() - loggedAt < LOG_MS) return;
    logger.log(
      'error',
      `Refusing connections: ${max} are open, as many as the limit of open files allows (${refused} refused since the ` +
        'last line like this). Raise it with ulimit -n before the start.',
    );
    loggedAt = performance.now();
    refused = 0;
  });
}
