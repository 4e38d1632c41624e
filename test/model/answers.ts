import { Engine, type EngineParts, type Result } from './support';

/** What engines answer to the same prompts, to be compared with each other. */

const NO_CACHE = ['--disable-radix-cache', '--max-total-tokens', '4096'];

/** Starts an engine that computes every prompt anew. */
export function startUncached(
  folder: string,
  flags: readonly string[],
  parts: EngineParts = {},
): Promise<Engine> {
  return Engine.start(folder, [...NO_CACHE, ...flags], () => undefined, parts);
}

export function ask(engine: Engine, prompt: readonly number[]): Promise<Result> {
  return engine.generate({
    prompt: [...prompt],
    sampling: { maxNewTokens: 16 },
    logprobs: { startLen: 0, topNum: 3, tokenIds: [5, 9] },
  });
}

/** Of an engine of its own. @param together asks all at once; else one after the other */
export async function answers(
  folder: string,
  flags: readonly string[],
  prompts: readonly (readonly number[])[],
  together: boolean,
): Promise<Result[]> {
  const engine = await startUncached(folder, flags);
  try {
    return await allOf(engine, prompts, together);
  } finally {
    await engine.close();
  }
}

export async function allOf(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  together: boolean,
): Promise<Result[]> {
  if (together) return Promise.all(prompts.map((prompt) => ask(engine, prompt)));
  const alone: Result[] = [];
  for (const prompt of prompts) alone.push(await ask(engine, prompt));
  return alone;
}

/** What a result says of its tokens, to the bit. */
export const bits = ({ ids, inputLogprobs, outputLogprobs }: Result) => [ids, inputLogprobs, outputLogprobs];

/** Mean distance of the log-probabilities of prompts and outputs. */
export function meanDistance(some: readonly Result[], others: readonly Result[]): number {
  const tokens = (results: readonly Result[]) =>
    results.flatMap(({ inputLogprobs, outputLogprobs }) =>
      [...inputLogprobs, ...outputLogprobs].map(({ token }) => token[0] ?? 0),
    );
  const expected = tokens(others);
  const differences = tokens(some).map((value, at) => Math.abs(value - (expected[at] as number)));
  return differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
}
