import { StartupError } from '../core/errors';

/**
 * A name that is neither a folder, nor in the cache, nor to be had from the hub. The message says no more than that, so that
 * others can put it into theirs.
 */
export class RepositoryNotFound extends StartupError {
  /** @param advice sentences on where it was looked for and what the operator can do; may be empty */
  constructor(
    modelPath: string,
    readonly advice: string,
  ) {
    super(`${modelPath} (repository not found).`);
  }
}
