import { MAX_LOGIT_ROWS } from '../../model-runner/model-runner';
import { positionLogprobs } from '../../sampling/logprobs';
import { exactRun } from './exact-run';
import type { Request } from './request';

/**
 * Log-probabilities of a prompt, collected while it is computed. The logits at position p speak of token p + 1; the first
 * reported position has none, because nothing before it was asked for.
 */

/** How many of the next `tokens` may run at once: prompt log-probabilities bound the rows of logits in memory. */
export function pieceLength(request: Request, tokens: number): number {
  if (request.isScored) return exactRun(tokens);
  if (!request.wantsPromptLogprobs) return tokens;
  const withoutLogits = Math.max(0, request.logprobStart - request.cachedLen);
  return Math.min(tokens, withoutLogits + MAX_LOGIT_ROWS);
}

/** Indices into the next `count` tokens whose logits are needed, the prompt's last one included where it is reached. */
export function wantedLogits(request: Request, count: number): number[] {
  const from = request.cachedLen;
  const last = request.length - 1;
  const first = request.wantsPromptLogprobs ? Math.max(request.logprobStart, from) : last;
  const wanted: number[] = [];
  for (let position = first; position < from + count; position++) wanted.push(position - from);
  return wanted;
}

/**
 * Takes the prompt's entries from one piece's logits.
 * @param positions of the rows of `logits`, as `wantedLogits` gave them
 */
export function collectPromptLogprobs(
  request: Request,
  positions: readonly number[],
  logits: Float32Array,
  vocabSize: number,
): void {
  const { inputLogprobs, logprobs } = request;
  if (!inputLogprobs || !logprobs || !request.missesPromptLogprobs) return;
  const ids = request.ids.view();
  if (inputLogprobs.length === 0) {
    inputLogprobs.push({ token: [null, ids[request.logprobStart] as number], top: null, chosen: null });
  }
  positions.forEach((index, row) => {
    const next = request.cachedLen + index + 1;
    if (next >= request.promptLen) return;
    const distribution = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
    inputLogprobs.push(positionLogprobs(distribution, ids[next] as number, logprobs));
  });
}
