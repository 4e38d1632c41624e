import { env, type EnvSource } from '../../core/env';
import { abortedFor, type FinishReason } from '../../core/request';
import type { GenerateMsg } from '../../ipc/messages';
import type { ServerArgs } from '../../server-args/server-args';

/** Reasons for which the scheduler itself turns a request away or ends it: pure functions. */

type PriorityArgs = Pick<ServerArgs, 'enablePriorityScheduling' | 'abortOnPriorityWhenDisabled'>;

/** What speaks against a request that arrives; null when nothing does. */
export function refusal(
  message: GenerateMsg,
  maxReqInputLen: number,
  args: PriorityArgs,
): FinishReason | null {
  const length = message.inputIds.length;
  if (length > maxReqInputLen) {
    return abortedFor(
      400,
      `Input length (${length} tokens) exceeds the maximum allowed length (${maxReqInputLen} tokens). ` +
        'Use a shorter input or enable --allow-auto-truncate.',
    );
  }
  const start = message.logprobs?.startLen ?? -1;
  if (start > length) {
    return abortedFor(
      400,
      `req.logprob_start_len=${start} is higher than the number of input tokens len(req.origin_input_ids)=${length}. ` +
        'Please use a smaller logprob_start_len.',
    );
  }
  if (message.priority !== null && !args.enablePriorityScheduling && args.abortOnPriorityWhenDisabled) {
    return abortedFor(
      503,
      'Using priority is disabled for this server. Please send a new request without a priority.',
    );
  }
  return null;
}

/** Time limits of the environment, in milliseconds; Infinity where none is set. */
export interface Timeouts {
  readonly waitingMs: number;
  readonly runningMs: number;
}

export function readTimeouts(source?: EnvSource): Timeouts {
  const milliseconds = (seconds: number) => (seconds > 0 ? seconds * 1000 : Infinity);
  return {
    waitingMs: milliseconds(env('SGLANG_REQ_WAITING_TIMEOUT', source)),
    runningMs: milliseconds(env('SGLANG_REQ_RUNNING_TIMEOUT', source)),
  };
}

interface Timed {
  readonly queuedAt: number;
  readonly startedAt: number | null;
}

/** Whether a request has waited or run too long at `now`. */
export function timeout(request: Timed, waits: boolean, now: number, limits: Timeouts): FinishReason | null {
  const expired = waits
    ? now - request.queuedAt > limits.waitingMs
    : now - (request.startedAt ?? now) > limits.runningMs;
  if (!expired) return null;
  return abortedFor(503, `Request ${waits ? 'waiting' : 'running'} timeout reached.`);
}
