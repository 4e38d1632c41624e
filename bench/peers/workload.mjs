/** @import { Started } from './child.mjs' */

/**
 * What is asked of every contender.
 * @typedef {{ name: string, users: number, promptLength: number, newTokens: number }} Case
 * What came of it, once. Times in milliseconds, rates in tokens a second; NaN where there is nothing to take it from.
 * @typedef {{
 *   ttft: number, between: number, decodeRate: number, outputRate: number, prefillRate: number, first: number[],
 * }} Figures
 *   ttft: until a user's first token, the median of the users; between: two tokens of a user, likewise;
 *   decodeRate: of all users, from the moment that each has its first token until one has its last;
 *   outputRate: of all users, over the whole case; prefillRate: of all prompts, until the last first token;
 *   first: the users' first tokens
 */

/**
 * @param {number} promptLength
 * @param {number} newTokens
 * @param {readonly number[]} users
 * @param {number} prefill tokens of the prompt that is computed alone
 * @returns {Case[]}
 */
export function casesOf(promptLength, newTokens, users, prefill) {
  const alone = { name: `prefill ${prefill}`, users: 1, promptLength: prefill, newTokens: 1 };
  return [
    alone,
    ...users.map((count) => ({ name: `${count} users`, users: count, promptLength, newTokens })),
  ];
}

/**
 * Prompts that have no beginning in common, with each other or with those of another seed, so that no cache helps.
 * @param {Case} of
 * @param {number} vocabulary
 * @param {number} seed
 */
export function promptsOf({ users, promptLength }, vocabulary, seed) {
  let state = (seed * 2654435761 + 1) >>> 0;
  const id = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // The first ids are often those of special tokens.
    return 300 + Math.floor((state / 2 ** 32) * (vocabulary - 600));
  };
  return Array.from({ length: users }, () => Array.from({ length: promptLength }, id));
}

/**
 * @param {Started} contender
 * @param {number[][]} prompts
 * @param {number} newTokens
 * @returns {Promise<Figures>}
 * @throws Error when a user got another number of tokens
 */
export async function measure(contender, prompts, newTokens) {
  const users = prompts.map(() => ({ first: -1, firstAt: NaN, lastAt: NaN, count: 0 }));
  /** @type {[at: number, count: number][]} */
  const arrivals = [];
  const startedAt = performance.now();
  await contender.generate(prompts, newTokens, (index, ids) => {
    const user = users[index];
    if (user === undefined) throw new Error(`there is no user ${index}`);
    const now = performance.now() - startedAt;
    if (user.count === 0) Object.assign(user, { first: ids[0], firstAt: now });
    user.lastAt = now;
    user.count += ids.length;
    arrivals.push([now, ids.length]);
  });
  const odd = users.find(({ count }) => count !== newTokens);
  if (odd) throw new Error(`${odd.count} tokens came instead of ${newTokens}`);
  const begin = Math.max(...users.map(({ firstAt }) => firstAt));
  const end = Math.min(...users.map(({ lastAt }) => lastAt));
  const within = arrivals
    .filter(([at]) => at > begin && at <= end)
    .reduce((sum, [, count]) => sum + count, 0);
  const rate = (/** @type {number} */ tokens, /** @type {number} */ ms) =>
    ms > 0 ? (tokens * 1000) / ms : NaN;
  return {
    ttft: median(users.map(({ firstAt }) => firstAt)),
    between: median(
      users.map(({ firstAt, lastAt }) => (newTokens > 1 ? (lastAt - firstAt) / (newTokens - 1) : NaN)),
    ),
    decodeRate: rate(within, end - begin),
    outputRate:
      newTokens > 1 ? rate(users.length * newTokens, Math.max(...users.map(({ lastAt }) => lastAt))) : NaN,
    prefillRate: rate(
      prompts.reduce((sum, ids) => sum + ids.length, 0),
      begin,
    ),
    first: users.map(({ first }) => first),
  };
}

/**
 * @param {readonly number[]} values
 * @returns {number} NaN of none
 */
export function median(values) {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 ? upper : (upper + (sorted[middle - 1] ?? NaN)) / 2;
}
