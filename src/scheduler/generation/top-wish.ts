import type { TopWish } from '../../model-runner/top-rows';
import { topCount } from '../../models/layers/top-tokens';
import type { Request } from './request';

/**
 * What a run must tell of the rows that requests draw their next tokens from, where a device can tell the fronts of rows.
 * @param requests of the rows, in order; one of several rows stands there as often, each row for the token behind that of the row before
 * @param originalLogprobs whether log-probabilities are of the model's own distribution, whatever the temperature
 * @returns null where the whole rows are needed anyhow
 */
export function wishOf(
  requests: readonly Request[],
  vocabSize: number,
  originalLogprobs: boolean,
): TopWish | null {
  const count = topCount(vocabSize);
  if (!requests.every((request) => mayDo(request, count, originalLogprobs))) return null;
  const samplerOf = (row: number) => (requests[row] as Request).sampler;
  const ahead = requests.map((request, row) => row - requests.indexOf(request));
  return {
    temperature: (row) => samplerOf(row).logprobTemperature,
    // Those of greedy requests are not looked at: they may stay what they are.
    draw: (row) => (samplerOf(row).greedy ? 0 : samplerOf(row).uniform(ahead[row])),
    suffices: (row, top) => samplerOf(row).decides(top, ahead[row]),
  };
}

/** Whether a row's front may do for a request: it draws from that, and asks for no more than it tells. */
function mayDo(request: Request, count: number, originalLogprobs: boolean): boolean {
  const { sampler, logprobs, foreseen, maxNewTokens } = request;
  if (maxNewTokens === 0 || foreseen.length > 0 || !sampler.mayTakeTop) return false;
  if (logprobs === null) return true;
  const isOwn = !originalLogprobs || sampler.logprobTemperature === 1;
  return logprobs.tokenIds === null && logprobs.topNum <= count && isOwn;
}
