import type { LogprobParams, PositionLogprobs, TokenLogprob } from '../core/request';
import { bug } from '../core/errors';
import { LogitRow } from './logit-row';
import { likeliest } from './selection';
import { KEEP_ALL, blockMasses, stepsPerLogit } from './token-mass';

/** Stands for minus infinity, which JSON cannot say: the lowest float32, as SGLang reports it. */
const LOWEST = -3.4028234663852886e38;

/**
 * The log-probabilities at one position: log-softmax of logits / temperature, accurate to 1e-7.
 *
 * For output tokens the logits are those that `RequestSampler.sample` left behind (penalties, masks and biases applied)
 * with its `logprobTemperature`; top-k, top-p and min-p do not count. For `SGLANG_RETURN_ORIGINAL_LOGPROB` pass a copy
 * of the row made before sampling, and temperature 1.
 * @param token the one at this position; null when none was chosen, which gives `[null, -1]`
 * @param want how many of the likeliest tokens (0: `top` is null), and which others (null: `chosen` is null)
 * @returns nulls in place of log-probabilities when the row is void (NaN, or all -Infinity)
 */
export function positionLogprobs(
  logits: Float32Array,
  token: number | null,
  want: Pick<LogprobParams, 'topNum' | 'tokenIds'>,
  temperature = 1,
): PositionLogprobs {
  const row = new LogitRow(logits);
  if (row.isVoid) return { token: [null, token ?? -1], top: null, chosen: null };
  const logprob = logprobsOf(row, temperature);
  const pair = (id: number): TokenLogprob => {
    const logit = logits[id];
    if (logit === undefined) throw bug(`token ${id} of a vocabulary of ${logits.length}`);
    return [logprob(logit), id];
  };
  return {
    token: token === null ? [null, -1] : pair(token),
    top: want.topNum > 0 ? likeliest(row, want.topNum).map(pair) : null,
    chosen: want.tokenIds ? want.tokenIds.map(pair) : null,
  };
}

/** The log-probability of a logit of the row. */
function logprobsOf(row: LogitRow, temperature: number): (logit: number) => number {
  // An infinite logit has all the probability.
  if (row.max === Infinity) return (logit) => (logit === Infinity ? 0 : LOWEST);
  const logTotal = Math.log(blockMasses(row, stepsPerLogit(temperature), KEEP_ALL).total);
  return (logit) => Math.max(LOWEST, (logit - row.max) / temperature - logTotal);
}
