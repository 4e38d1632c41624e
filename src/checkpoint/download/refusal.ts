import { StartupError } from '../../core/errors';
import { quote } from '../model-files';
import { RepositoryNotFound } from '../repository-not-found';
import type { HubAccess } from './access';
import { Trouble } from './trouble';

/** What is asked of which hub. */
export interface Asked {
  readonly access: HubAccess;
  readonly repo: string;
  readonly revision: string;
  /** Name of the file; null where it is about the repository. */
  readonly file: string | null;
}

/** What a status of 400 and more means, and what helps. */
export function refusal(status: number, headers: Headers, asked: Asked): Error {
  const { access, repo, revision, file } = asked;
  const hub = `the hub at ${access.endpoint}`;
  const code = headers.get('x-error-code');
  const message = headers.get('x-error-message');
  const said = message === null ? `${status}` : `${status}, ${quote(message)}`;

  if (code === 'GatedRepo' || status === 403 || status === 451) {
    return new StartupError(
      `${repo}: ${hub} does not allow the download (${said}). Ask for access at ${access.endpoint}/${repo}, and set ` +
        `HF_TOKEN to a token of an account that has it${tokenInUse(access)}.`,
    );
  }
  if (code === 'RevisionNotFound') {
    return new StartupError(
      `${repo}: ${hub} has no revision ${quote(revision)} (${said}). --revision takes a branch, a tag or a commit.`,
    );
  }
  if (status === 401 && code !== 'RepoNotFound' && access.token !== null) {
    return new StartupError(
      `${repo}: ${hub} refuses the token of ${access.token.source} (${said}). Set HF_TOKEN to a valid one, or remove it.`,
    );
  }
  if (status === 404 && file !== null && code !== 'RepoNotFound') {
    return new StartupError(`${repo}: ${hub} lists the file ${quote(file)}, but does not have it (${said}).`);
  }
  if (status === 401 || status === 404) return notFound(said, asked);
  if (status === 429) {
    const help =
      access.token === null ? 'Set HF_TOKEN, which has a limit of its own, or wait' : 'Wait a while';
    const final = new StartupError(
      `${repo}: ${hub} says that there were too many requests (${said}). ${help}.`,
    );
    return new Trouble(final, { waitMs: retryAfterMs(headers.get('retry-after')) });
  }
  if (status >= 500 || status === 408) {
    const final = new StartupError(
      `${repo}: ${hub} has failed (${said}). Try again later; HF_ENDPOINT names a mirror.`,
    );
    return new Trouble(final, { waitMs: retryAfterMs(headers.get('retry-after')) });
  }
  return new StartupError(`${repo}: ${hub} refuses the request (${said}).`);
}

/** A hub that cannot be spoken to has no repository to offer. */
export function unreachable(reason: string, { access, repo }: Asked): RepositoryNotFound {
  return new RepositoryNotFound(
    repo,
    `The hub at ${access.endpoint} cannot be reached (${reason}). HF_ENDPOINT names another one; HF_HUB_OFFLINE=1 does without.`,
  );
}

function notFound(said: string, { access, repo, revision }: Asked): RepositoryNotFound {
  const help =
    access.token === null
      ? 'For a private or gated repository set HF_TOKEN'
      : `A private repository must be open to the token of ${access.token.source}`;
  return new RepositoryNotFound(
    repo,
    `The hub at ${access.endpoint} does not show it (${said}, revision ${quote(revision)}): check the name. ${help}.`,
  );
}

function tokenInUse({ token }: HubAccess): string {
  return token === null ? '' : `; the one of ${token.source} has not`;
}

/** Seconds or a date. */
function retryAfterMs(text: string | null): number | null {
  if (text === null) return null;
  const wait = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.max(wait, 0) : null;
}
