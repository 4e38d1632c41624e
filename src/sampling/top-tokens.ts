import type { PositionLogprobs, SamplingParams } from '../core/request';
import { bug } from '../core/errors';
import type { TopTokens } from '../core/top-tokens';
import { BLOCK, rivalFrom } from './logit-row';
import { massOf, stepsPerLogit } from './token-mass';

/** Parameters that say which of the likeliest tokens are kept. */
type CutParams = Pick<SamplingParams, 'topK' | 'topP' | 'minP' | 'temperature'>;

/** Logits at or below this mean that nothing may come. */
const NOTHING = -1e38;

/** Whether the row says something, and no infinity is in it: its sum counts the largest as 1. */
export function isSound({ mass, logits }: TopTokens): boolean {
  return mass > 0.5 && mass < Infinity && logits[0]! > NOTHING;
}

/**
 * How many tokens, from the front, top-k, top-p and min-p keep together (see `rankCut`).
 * @returns null where that goes on behind the last of them, or could
 */
export function keptOf(top: TopTokens, params: CutParams, vocabSize: number): number | null {
  const { topK, topP, minP, temperature } = params;
  const { logits, mass } = top;
  const best = logits[0] as number;
  const scale = stepsPerLogit(temperature);
  const most = topK === -1 ? Infinity : topK;
  const allowed = topP < 1 ? topP * mass : Infinity;
  const least = minP > 0 ? best + temperature * Math.log(minP) : -Infinity;
  let before = 0;
  let kept = 0;
  while (kept < Math.min(most, logits.length) && before <= allowed && logits[kept]! >= least) {
    before += massOf(logits[kept++]!, best, scale);
  }
  return endsAt(top, kept, vocabSize) ? kept : null;
}

/** Whether the first `count` tokens are sure to be before all others, whatever those are. */
export function endsAt({ logits }: TopTokens, count: number, vocabSize: number): boolean {
  return (
    logits.length === vocabSize || (count < logits.length && logits[count - 1]! > logits[logits.length - 1]!)
  );
}

/** As `drawToken`, among the first `kept` tokens: the same sums in the same order. */
export function drawTop(top: TopTokens, kept: number, temperature: number, u: number): number {
  const best = top.logits[0] as number;
  const scale = stepsPerLogit(temperature);
  const order = Array.from({ length: kept }, (_, i) => i).sort((a, b) => top.ids[a]! - top.ids[b]!);
  const masses = new Map<number, number>();
  for (const i of order) {
    const block = Math.floor(top.ids[i]! / BLOCK);
    masses.set(block, (masses.get(block) ?? 0) + massOf(top.logits[i]!, best, scale));
  }
  let total = 0;
  for (const mass of masses.values()) total += mass;
  const target = u * total;
  let before = 0;
  let within = 0;
  let block = -1;
  for (const i of order) {
    const own = Math.floor(top.ids[i]! / BLOCK);
    if (own !== block) {
      before += masses.get(block) ?? 0;
      within = 0;
      block = own;
    }
    within += massOf(top.logits[i]!, best, scale);
    if (before + within > target) return top.ids[i]!;
  }
  throw bug(`no token at ${u} of a mass of ${total}`);
}

/**
 * As `drawToken`, among all tokens.
 * @returns null where rounding has lost the token
 */
export function drawAny({ drawn, mass }: TopTokens, u: number): number | null {
  const target = u * mass;
  let upTo = drawn.before;
  for (let i = 0; i < drawn.masses.length; i++) {
    upTo += drawn.masses[i]!;
    if (upTo > target && drawn.masses[i]! > 0) return drawn.first + i;
  }
  return null;
}

/** As `hasRival`, of the likeliest token. */
export function topHasRival({ logits }: TopTokens, rounding: number): boolean {
  const [best = NaN, second = NaN] = logits;
  return second >= rivalFrom(best, rounding);
}

/** As `positionLogprobs`, of a token drawn from it. @param temperature that `mass` is of */
export function topLogprobs(
  { ids, logits, mass, drawn }: TopTokens,
  token: number,
  topNum: number,
  temperature: number,
): PositionLogprobs {
  const logprob = (i: number) => (logits[i]! - logits[0]!) / temperature - Math.log(mass);
  const at = ids.indexOf(token);
  const own = at >= 0 ? logprob(at) : Math.log(drawn.masses[token - drawn.first] ?? NaN) - Math.log(mass);
  if (Number.isNaN(own)) throw bug(`token ${token} is not among those told`);
  return {
    token: [own, token],
    top: topNum > 0 ? Array.from(ids.subarray(0, topNum), (id, i) => [logprob(i), id] as const) : null,
    chosen: null,
  };
}
