import { join } from 'node:path';
import { StartupError } from '../../src/core/errors';
import type { Backend } from '../../src/model-runner/backends/backend';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { ANYTHING } from '../../src/model-runner/top-rows';
import { loadModelRunner } from '../../src/model-runner/load';
import { Copies, scramble } from '../e2e/checkpoints';
import { describeOnWebGpu } from '../webgpu';
import { vectorsOn } from './embedder';
import { CHECKPOINTS, Engine, serverArgs, type Result } from './support';

/** How far log-probabilities of float32 on a device may be from those of the CPU, and of other batches and pieces. */
const TOLERANCE = 1e-3;
const FOLDER = join(CHECKPOINTS, 'random-qwen2');
const LOGPROBS = { startLen: -1, topNum: 0, tokenIds: null };

/** Prompts of 5 to 65 tokens, some with a prefix in common; their outputs end at different times, so that rows move. */
const REQUESTS = Array.from({ length: 6 }, (_, i) => ({
  prompt: Array.from(
    { length: 5 + 12 * i },
    (__, j) => 3 + (((i % 3) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % 400),
  ),
  sampling: { maxNewTokens: 4 + 2 * (i % 3) },
  logprobs: LOGPROBS,
}));

const onDevice = (flags: readonly string[], folder = FOLDER, backend: Backend = new WebGpuBackend()) =>
  Engine.start(folder, ['--device', 'webgpu', '--max-total-tokens', '1024', ...flags], undefined, {
    backend,
  });

const askAll = (engine: Engine) => Promise.all(REQUESTS.map((request) => engine.generate(request)));

function expectNear(actual: readonly Result[], expected: readonly Result[]): void {
  actual.forEach((result, i) => {
    const other = expected[i] as Result;
    expect(result.ids).toEqual(other.ids);
    result.outputLogprobs.forEach(({ token }, at) => {
      expect(Math.abs((token[0] ?? NaN) - (other.outputLogprobs[at]?.token[0] ?? NaN))).toBeLessThan(
        TOLERANCE,
      );
    });
  });
}

describeOnWebGpu('on a device of WebGPU', () => {
  const copies = new Copies();
  let expected: Result[];
  beforeAll(async () => {
    const cpu = await Engine.start(FOLDER, ['--max-total-tokens', '1024']);
    expected = [];
    for (const request of REQUESTS) expected.push(await cpu.generate(request));
    await cpu.close();
    expect(new Set(expected.map(({ ids }) => ids.join())).size).toBeGreaterThan(3);
  });

  it('a request alone gets the answer of the CPU, and one of many gets the same', async () => {
    const engine = await onDevice(['--disable-radix-cache', '--max-running-requests', '4']);
    const alone = [await engine.generate(REQUESTS[0] ?? {}), await engine.generate(REQUESTS[4] ?? {})];
    expectNear(alone, [expected[0], expected[4]] as Result[]);
    expectNear(await askAll(engine), expected);
    await engine.close();
  });

  it('prompts in pieces and from the cache get it', async () => {
    const engine = await onDevice(['--chunked-prefill-size', '16', '--max-running-requests', '3']);
    expectNear(await askAll(engine), expected);
    const again = await askAll(engine);
    expectNear(again, expected);
    expect(again.every(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    expect(await engine.call({ type: 'flush_cache' })).toMatchObject({ of: 'flush_cache' });
    const flushed = await engine.generate(REQUESTS[5] ?? {});
    expectNear([flushed], [expected[5] as Result]);
    expect(flushed.cachedTokens).toBe(0);
    await engine.close();
  });

  it('requests that are retracted, and those beside one that is aborted, get it', async () => {
    process.env['SGLANG_TEST_RETRACT'] = 'true';
    const engine = await onDevice([]);
    delete process.env['SGLANG_TEST_RETRACT'];
    const gone = engine.generate({ rid: 'gone', prompt: [7, 8, 9], sampling: { maxNewTokens: 200 } });
    const all = askAll(engine);
    setTimeout(() => engine.scheduler.receive({ type: 'abort', rid: 'gone' }), 150);
    const results = await all;
    expectNear(results, expected);
    expect(results.some(({ retractions }) => retractions > 0)).toBe(true);
    expect((await gone).finish).toMatchObject({ type: 'abort' });
    await engine.close();
  });

  it('drafts are checked there', async () => {
    const engine = await onDevice(['--speculative-algorithm', 'NGRAM']);
    expectNear(await askAll(engine), expected);
    await engine.close();
  });

  it('weights are changed there, and the cache with them', async () => {
    const other = copies.make('other', scramble, FOLDER);
    const cpu = await Engine.start(other, ['--max-total-tokens', '1024']);
    const changed = await askAll(cpu);
    await cpu.close();
    const engine = await onDevice([]);
    // The device takes one call at a time: the requests go on beside the loading.
    const [served, loaded] = await Promise.all([
      askAll(engine),
      engine.call({ type: 'load_weights', modelDir: other, loadFormat: 'auto' }),
    ]);
    expectNear(served, expected);
    expect(loaded).toEqual({ of: 'load_weights', failure: null });
    await engine.call({ type: 'swap_weights', flushCache: true });
    expectNear(await askAll(engine), changed);
    await engine.close();
  });

  it('draws of the front of a row what it draws of the row', async () => {
    const engine = await onDevice(['--disable-radix-cache']);
    const { traffic } = engine.model.backend as WebGpuBackend;
    const draws = [
      {},
      { topK: 20 },
      { topP: 0.8 },
      { minP: 0.1, temperature: 0.7 },
      { topK: 40, topP: 0.9 },
    ].map((cut, i) => ({
      prompt: [5, 6, 7 + i],
      sampling: { maxNewTokens: 8, temperature: 1, seed: i, ...cut },
      logprobs: { startLen: -1, topNum: 3, tokenIds: null },
    }));
    const drawAll = () => Promise.all(draws.map((request) => engine.generate(request)));
    const before = traffic.downloadedBytes;
    const fronts = await drawAll();
    const bytes = traffic.downloadedBytes - before;
    // Beside a request that needs whole rows nobody else has less.
    const shaped = { prompt: [9], sampling: { maxNewTokens: 9, frequencyPenalty: 1, temperature: 0 } };
    const [, rows] = await Promise.all([engine.generate(shaped), drawAll()]);
    expectNear(fronts, rows);
    expect(
      fronts.map(({ outputLogprobs }) => outputLogprobs.map(({ top }) => top?.map(([, id]) => id))),
    ).toEqual(rows.map(({ outputLogprobs }) => outputLogprobs.map(({ top }) => top?.map(([, id]) => id))));
    expect(traffic.downloadedBytes - before - bytes).toBeGreaterThan(3 * bytes);
    await engine.close();
  });

  it('a step takes a few bytes there and brings the logits back: keys and values stay', async () => {
    const backend = new WebGpuBackend();
    const { runner, config, weights } = await load(FOLDER, backend, []);
    const ids = Int32Array.from([5, 6, 7]);
    await runner.decode(ids, new Int32Array(3));
    const before = { ...backend.traffic };
    const steps = 4;
    for (let step = 1; step <= steps; step++) await runner.decode(ids, new Int32Array(3).fill(step));
    const { uploads, uploadedBytes, downloads, downloadedBytes } = backend.traffic;
    expect(downloads - before.downloads).toBe(steps);
    expect(downloadedBytes - before.downloadedBytes).toBe(steps * 3 * config.vocabSize * 4);
    // Lengths (int32), the places of logits (int64) their scales and draws (float32), of each row.
    expect(uploads - before.uploads).toBe(steps * 4);
    expect(uploadedBytes - before.uploadedBytes).toBe(steps * 3 * (4 + 8 + 4 + 4));
    // Row 2 is computed elsewhere and brought back; of that, only where tokens go is said.
    const beforeExtend = { ...backend.traffic };
    await runner.extend([{ row: 2, past: 5, ids, logitPositions: [2] }]);
    expect(backend.traffic.downloadedBytes - beforeExtend.downloadedBytes).toBe(config.vocabSize * 4);
    expect(backend.traffic.uploadedBytes - beforeExtend.uploadedBytes).toBeLessThan(500);
    // Where its front is enough, no row comes.
    const beforeFront = { ...backend.traffic };
    expect(await runner.decode(ids, new Int32Array(3).fill(8), ANYTHING)).toHaveLength(0);
    expect(runner.topTokens).toHaveLength(3);
    expect(backend.traffic.downloads - beforeFront.downloads).toBe(1);
    expect(backend.traffic.downloadedBytes - beforeFront.downloadedBytes).toBe(3 * (2 * 64 + 3 + 64) * 4);
    runner.dispose();
    weights.release();
  });

  it.each(['mixtral', 'gemma3', 'llama-fp16-biases', 'llama-head-dim-8', 'phi3-longrope'])(
    '%s computes what it computes on the CPU',
    async (name) => {
      const folder = join(CHECKPOINTS, name);
      const flags = ['--max-total-tokens', '200', '--context-length', '128'];
      const request = {
        ...REQUESTS[3],
        sampling: { maxNewTokens: 4 },
        logprobs: { ...LOGPROBS, startLen: 0 },
      };
      request.prompt = request.prompt?.map((id) => id % 200);
      const cpu = await Engine.start(folder, flags);
      const device = await onDevice(flags, folder);
      const [a, b] = [await cpu.generate(request), await device.generate(request)];
      expectNear([b], [a]);
      b.inputLogprobs.forEach(({ token }, at) => {
        const other = a.inputLogprobs[at]?.token[0];
        if (token[0] !== null) expect(Math.abs(token[0] - (other ?? NaN))).toBeLessThan(TOLERANCE);
      });
      await cpu.close();
      await device.close();
    },
  );

  it.each(['bert', 'xlm-roberta-reranker', 'llama-reward', 'qwen3-classifier'])(
    'vectors and scores of %s are those of the CPU',
    async (name) => {
      const texts = [40, 3].map((length) => ({
        ids: Int32Array.from({ length }, (_, i) => 5 + ((i * 7) % 90)),
        pairAt: null,
      }));
      const cpu = await vectorsOn(new CpuBackend(), name, texts);
      const device = await vectorsOn(new WebGpuBackend(), name, texts);
      cpu.forEach((vector, i) =>
        vector?.forEach((value, at) =>
          expect(Math.abs(value - (device[i]?.[at] ?? NaN))).toBeLessThan(TOLERANCE),
        ),
      );
    },
  );

  it('what does not fit is refused, with the flags that help', async () => {
    const backend = new WebGpuBackend();
    const { runner, weights } = await load(FOLDER, backend, []);
    const large = { numLayers: 1, numKvHeads: 64, headDim: 256 };
    expect(() => backend.createKvStore(large, 1, 40_000, 100)).toThrow(
      /no room for .* GiB .* --max-total-tokens/,
    );
    runner.dispose();
    weights.release();
  });

  it('products in 8 bits are refused, before anything is made of them', async () => {
    const args = serverArgs(FOLDER, ['--quantization', 'w8a8_int8']);
    await expect(loadModelRunner(args, FOLDER, new WebGpuBackend())).rejects.toThrow(/multiplies in 8 bits/);
  });

  it('a model that caps its attention is refused', async () => {
    const loading = load(join(CHECKPOINTS, 'gemma2'), new WebGpuBackend(), []);
    await expect(loading).rejects.toThrow(StartupError);
    await expect(loading).rejects.toThrow(/attn_logit_softcapping/);
  });
});

async function load(folder: string, backend: Backend, flags: readonly string[]) {
  const args = serverArgs(folder, ['--device', 'webgpu', '--max-total-tokens', '300', ...flags]);
  const model = await loadModelRunner(args, folder, backend);
  if (model.kind !== 'generation') throw new Error('not a generation model');
  return model;
}
