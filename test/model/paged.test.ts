import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PlayedCuda } from '../host-gpu';
import { CHECKPOINTS, Engine, SHIPPED, type Result } from './support';

/**
 * Keys and values in pages, on a GPU that the CPU plays (`PlayedCuda`) with an attention written from the operator's documentation
 * (`mimePagedAttention`), in float32: what the CPU's own attention gives, for every family and however requests share steps and pages.
 */
const PROMPTS = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: 3 + 9 * i }, (_, j) => 3 + (((i % 4) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % 250)),
);

const ask = (engine: Engine, prompt: readonly number[]) =>
  engine.generate({
    prompt,
    sampling: { maxNewTokens: 12 },
    logprobs: { startLen: -1, topNum: 3, tokenIds: [5] },
  });

function expectSame(results: readonly Result[], expected: readonly Result[], tolerance: number): void {
  results.forEach(({ ids, outputLogprobs }, i) => {
    const other = expected[i] as Result;
    expect(ids).toEqual(other.ids);
    outputLogprobs.forEach(({ token }, at) => {
      const distance = Math.abs((token[0] ?? NaN) - (other.outputLogprobs[at]?.token[0] ?? NaN));
      expect(distance).toBeLessThanOrEqual(tolerance);
    });
  });
}

function start(folder: string, pageSize: number, flags: readonly string[] = []): Promise<Engine> {
  const backend = new PlayedCuda('float32', { memFractionStatic: 0.8, disableCudaGraph: false, pageSize });
  const pages = ['--page-size', String(pageSize), '--chunked-prefill-size', String(Math.max(pageSize, 32))];
  const all = ['--device', 'cuda', '--dtype', 'half', '--max-total-tokens', '4096', ...pages, ...flags];
  return Engine.start(folder, all, undefined, { backend });
}

async function answersOfCpu(folder: string): Promise<Result[]> {
  const cpu = await Engine.start(folder, ['--max-total-tokens', '4096', '--disable-radix-cache']);
  const answers: Result[] = [];
  for (const prompt of PROMPTS) answers.push(await ask(cpu, prompt));
  await cpu.close();
  return answers;
}

const FAMILIES = [
  ...['gemma2', 'gemma3', 'granite', 'llama-fp16-biases', 'llama-head-dim-8', 'llama-llama3-rope'],
  ...['mistral-sliding-window', 'mixtral', 'olmo2', 'olmoe', 'phi3', 'phi3-longrope', 'qwen2-moe'],
  ...['qwen2-upper-window', 'qwen3', 'qwen3-moe', 'random-qwen2', 'smollm3'],
].map((name) => join(CHECKPOINTS, name));

describe('gives what the CPU gives', () => {
  it.each([...FAMILIES, join(SHIPPED, 'demo-chat')])('%s', async (folder) => {
    expect(existsSync(folder)).toBe(true);
    const expected = await answersOfCpu(folder);
    const engine = await start(folder, 16, ['--max-running-requests', '7', '--cuda-graph-bs', '1', '4', '7']);
    const single: Result[] = [];
    for (const prompt of PROMPTS) single.push(await ask(engine, prompt));
    expectSame(single, expected, 2e-5);
    const together = await Promise.all(PROMPTS.map((prompt) => ask(engine, prompt)));
    expectSame(together, expected, 2e-5);
    expect(together.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    await engine.close();
  });
});
