import type { TextOf } from './logprobs';

/** What the replies to one request have in common. */
export interface ReplyContext {
  readonly id: string;
  /** As the client called it. */
  readonly model: string;
  /** Choices of each prompt. */
  readonly n: number;
  /** Whether a stream ends with the usage. */
  readonly includeUsage: boolean;
  /** Whether each chunk of a stream has its choice's usage so far. */
  readonly continuousUsage: boolean;
  /** `--enable-cache-report` */
  readonly reportsCache: boolean;
  readonly weightVersion: string;
  readonly textOf: TextOf;
}
