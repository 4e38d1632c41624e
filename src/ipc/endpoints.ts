import { StartupError } from '../core/errors';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The inboxes of one server, as ZeroMQ addresses in a directory only its owner may enter. */
export interface Endpoints {
  readonly directory: string;
  /** By rank. */
  readonly schedulers: readonly string[];
  readonly detokenizer: string;
  readonly tokenizerManager: string;
}

/** Bytes that the path of a socket may have on any system (macOS has the least). */
const MAX_SOCKET_PATH = 103;
const LONGEST_NAME = '/sglang-XXXXXX/tokenizer-manager';
/** Where every Unix has room for short paths. */
const SHORT_TMP = '/tmp';

/**
 * Makes the directory (mode 0700, random name), in TMPDIR unless that is too long for sockets. Whoever sees the server end last
 * removes it.
 * @param schedulers how many there are
 * @throws StartupError that names TMPDIR when it cannot be made
 */
export function createEndpoints(schedulers: number): Endpoints {
  const directory = makeDirectory();
  const address = (name: string) => `ipc://${join(directory, name)}`;
  return {
    directory,
    schedulers: Array.from({ length: schedulers }, (_, rank) => address(`scheduler-${rank}`)),
    detokenizer: address('detokenizer'),
    tokenizerManager: address('tokenizer-manager'),
  };
}

function makeDirectory(): string {
  const fits = Buffer.byteLength(tmpdir() + LONGEST_NAME) <= MAX_SOCKET_PATH;
  const parent = fits ? tmpdir() : SHORT_TMP;
  try {
    return mkdtempSync(join(parent, 'sglang-'));
  } catch (error) {
    throw new StartupError(
      `The processes need a folder for their sockets, and none can be made in ${parent} (${(error as NodeJS.ErrnoException).code}): ` +
        'set TMPDIR to a folder that exists and can be written to.',
    );
  }
}

export function removeEndpoints(endpoints: Endpoints): void {
  rmSync(endpoints.directory, { recursive: true, force: true });
}
