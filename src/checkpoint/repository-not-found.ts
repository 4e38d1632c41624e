import { StartupError } from '../core/errors';

/** What is said of a model that is neither a folder, nor in the cache, nor to be had from the hub. */
export function repositoryNotFound(modelPath: string): string {
  return `${modelPath} (repository not found).`;
}

/** A name that stands for no model; its message is `repositoryNotFound`'s alone, so that others can put it into theirs. */
export class RepositoryNotFound extends StartupError {
  /** @param advice sentences on where it was looked for and what the operator can do; may be empty */
  constructor(
    modelPath: string,
    readonly advice: string,
  ) {
    super(repositoryNotFound(modelPath));
  }
}
