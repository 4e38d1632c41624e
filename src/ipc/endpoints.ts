import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The three inboxes of one server, as ZeroMQ addresses in a directory only its owner may enter. */
export interface Endpoints {
  readonly directory: string;
  readonly scheduler: string;
  readonly detokenizer: string;
  readonly tokenizerManager: string;
}

/** Makes the directory (mode 0700, random name). Whoever sees the server end last removes it. */
export function createEndpoints(): Endpoints {
  const directory = mkdtempSync(join(tmpdir(), 'sglang-'));
  const address = (name: string) => `ipc://${join(directory, name)}`;
  return {
    directory,
    scheduler: address('scheduler'),
    detokenizer: address('detokenizer'),
    tokenizerManager: address('tokenizer-manager'),
  };
}

export function removeEndpoints(endpoints: Endpoints): void {
  rmSync(endpoints.directory, { recursive: true, force: true });
}
