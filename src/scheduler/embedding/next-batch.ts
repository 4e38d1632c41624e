/** What one run may take. */
export interface BatchLimits {
  /** Tokens, padding included where it is computed. A longer prompt runs alone. */
  readonly tokens: number;
  /** Places of padding for each token at most. */
  readonly padding: number;
  /** Whether the model computes padding like tokens; else only its attention sees it. */
  readonly computesPadding: boolean;
  readonly prompts: number;
}

/**
 * Chooses what runs next: the prompt that has waited longest, and of those behind it the ones that fit beside it. A run is
 * padded to its longest prompt, so prompts of similar length go together. Nobody is passed over for ever: the first of
 * the queue is always taken.
 * @param waiting in order of arrival
 */
export function nextBatch<R extends { readonly ids: Int32Array }>(
  waiting: readonly R[],
  limits: BatchLimits,
): R[] {
  const { computesPadding } = limits;
  const batch: R[] = [];
  let tokens = 0;
  let longest = 0;
  for (const request of waiting) {
    if (batch.length >= limits.prompts) break;
    const { length } = request.ids;
    const real = tokens + length;
    const padded = Math.max(longest, length) * (batch.length + 1);
    const fits = (computesPadding ? padded : real) <= limits.tokens && padded <= real * (1 + limits.padding);
    if (batch.length > 0 && !fits) continue;
    batch.push(request);
    tokens += length;
    longest = Math.max(longest, length);
  }
  return batch;
}
