import { accessSync, constants } from 'node:fs';
import { errorMessage, RequestError } from '../core/errors';
import { isLogFolder, makeLogFolder } from '../logging/log-target';
import type { ServerArgs } from '../server-args/server-args';

/** What an operator changes of the logs of requests while the server runs; null leaves a thing as it is. */
export interface LoggingChange {
  readonly logRequests: boolean | null;
  readonly logRequestsLevel: ServerArgs['logRequestsLevel'] | null;
  readonly logRequestsFormat: ServerArgs['logRequestsFormat'] | null;
  readonly logRequestsTarget: readonly string[] | null;
  /** Where requests that have ended are written to; the empty text ends it. */
  readonly dumpRequestsFolder: string | null;
  /** Requests of one such file. */
  readonly dumpRequestsThreshold: number | null;
  /** The empty text ends it. */
  readonly crashDumpFolder: string | null;
}

/**
 * Makes every folder that a change names, before any of it is in force.
 * @throws RequestError `bad_value` naming the field whose folder cannot be written
 */
export function prepareFolders(change: LoggingChange): void {
  const folders = [
    ...(change.logRequestsTarget ?? []).map((name) => ['log_requests_target', name] as const),
    ['dump_requests_folder', change.dumpRequestsFolder] as const,
    ['crash_dump_folder', change.crashDumpFolder] as const,
  ];
  for (const [field, folder] of folders) {
    if (folder === null || folder === '' || !isLogFolder(folder)) continue;
    try {
      makeLogFolder(folder);
      accessSync(folder, constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new RequestError('bad_value', `${field}: ${errorMessage(error)}`, field);
    }
  }
}
