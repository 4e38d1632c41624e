import { join } from 'node:path';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { gguf } from '../gguf';
import { inBlocks } from '../gguf-blocks';
import { converted } from '../gguf-conversion';
import { Folders } from '../unit/checkpoint/folders';
import { describeOnWebGpu } from '../webgpu';
import { CHECKPOINTS, Engine, type Result } from './support';
import { computesInFloat16, expectNear, onDevice, REQUESTS } from './webgpu-answers';

/** GGUF files on a device, each against the values that its blocks stand for, in float32 on the CPU. */

const folders = new Folders();
process.env['SGLANG_CACHE_DIR'] = folders.create();
afterAll(() => folders.removeAll());

/** How far log-probabilities may be apart: inputs are not rounded but to the type of the graph, in which sums are made as well. */
const TOLERANCES = { float32: 1e-3, half: 0.2 } as const;

const FLAGS = ['--skip-tokenizer-init', '--max-total-tokens', '400', '--context-length', '128'];
const PROMPTS = [0, 3].map((at) => REQUESTS[at]?.prompt.map((id) => id % 200) ?? []);

type TypeOf = Parameters<typeof inBlocks>[1];
const mixed: TypeOf = (name) => (/attn_v|ffn_down|token_embd/.test(name) ? 'Q8_0' : 'Q4_1');

type Case = readonly [
  dtype: keyof typeof TOLERANCES,
  name: string,
  what: string,
  recorded: boolean,
  typeOf: TypeOf,
];

/** By whether steps are recorded: where they are, the table of tokens becomes floats. */
const CASES: readonly Case[] = [
  ['float32', 'random-qwen2', 'Q4_1, tied', true, () => 'Q4_1'],
  ['float32', 'gemma3', 'Q8_0', false, () => 'Q8_0'],
  ['float32', 'mixtral', 'Q8_0 and Q4_1', false, mixed],
  ['half', 'llama-fp16-biases', 'Q8_0, untied, with biases', true, () => 'Q8_0'],
  ['half', 'gemma3', 'Q4_1', false, () => 'Q4_1'],
];

async function answersOf(engine: Engine): Promise<Result[]> {
  const results: Result[] = [];
  for (const prompt of PROMPTS) {
    const logprobs = { startLen: 0, topNum: 0, tokenIds: null };
    results.push(await engine.generate({ prompt, sampling: { maxNewTokens: 4 }, logprobs }));
  }
  await engine.close();
  return results;
}

describeOnWebGpu('a GGUF file on a device of WebGPU', () => {
  let hasFloat16 = false;
  beforeAll(async () => {
    hasFloat16 = await computesInFloat16();
  });

  it.each(CASES)(
    'in %s: %s in %s computes with what its blocks stand for',
    async (...[dtype, name, , recorded, typeOf]) => {
      if (dtype === 'half' && !hasFloat16) {
        process.stderr.write(`skipped: ${name} in blocks (the device does not compute in float16)\n`);
        return;
      }
      const { blocks, exact } = inBlocks(converted(join(CHECKPOINTS, name)), typeOf);
      const folder = folders.create({ 'blocks.gguf': gguf(blocks), 'exact.gguf': gguf(exact) });
      const backend = new WebGpuBackend();
      const created = jest.spyOn(backend, 'createSession');
      const device = await onDevice([...FLAGS, '--dtype', dtype], join(folder, 'blocks.gguf'), backend);
      expect(device.model.weights.roundsInputs).toBe(dtype === 'half');
      const [graph] = created.mock.calls.map(([model]) => Buffer.from(model));
      expect(graph?.includes('MatMulNBits')).toBe(true);
      expect(graph?.includes('GatherBlockQuantized')).toBe(!recorded);
      const cpu = await answersOf(await Engine.start(join(folder, 'exact.gguf'), FLAGS));
      expectNear(await answersOf(device), cpu, TOLERANCES[dtype]);
    },
  );
});
