/** Shorter beginnings are computed again as fast as they are computed first. */
const SHORTEST = 16;

/**
 * How many tokens all prompts have in common at their beginning, if it pays to compute these before the rest; else 0.
 * At least the last token of each is its own.
 */
export function stemLength(prompts: readonly Int32Array[]): number {
  const [first, ...others] = prompts;
  if (first === undefined || others.length === 0) return 0;
  let length = first.length - 1;
  for (const ids of others) {
    length = Math.min(length, ids.length - 1);
    let at = 0;
    while (at < length && ids[at] === first[at]) at++;
    length = at;
  }
  return length < SHORTEST ? 0 : length;
}
