import type { AppDeps } from '../app-deps';
import type { TextOf } from './logprobs';
import type { CommonRequest } from '../request-fields/request-fields';

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
  readonly served: Pick<AppDeps['manager']['served'], 'weightVersion'>;
  readonly textOf: TextOf;
}

export function replyContextOf(
  { args, manager }: Pick<AppDeps, 'args' | 'manager'>,
  { id, model, n, streamOptions }: CommonRequest & { readonly n: number },
): ReplyContext {
  return {
    id,
    model: model ?? manager.served.name,
    n,
    includeUsage: streamOptions.includeUsage || args.streamResponseDefaultIncludeUsage,
    continuousUsage: streamOptions.continuousUsage,
    reportsCache: args.enableCacheReport,
    served: manager.served,
    textOf: (token) => manager.tokenizer?.tokenText(token) ?? '',
  };
}
