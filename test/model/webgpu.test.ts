import { join } from 'node:path';
import { StartupError } from '../../src/core/errors';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { WHOLE } from '../../src/model-runner/backends/share';
import { ANYTHING } from '../../src/model-runner/top-rows';
import { loadModelRunner } from '../../src/model-runner/load';
import { Copies, scramble } from '../e2e/checkpoints';
import { describeOnWebGpu } from '../webgpu';
import { CHECKPOINTS, Engine, serverArgs, type Result } from './support';
import {
  answersOfCpu,
  askAll,
  compareCheckpoint,
  embed,
  expectAllNear,
  expectNear,
  FOLDER,
  load,
  onDevice,
  REQUESTS,
} from './webgpu-answers';

/** How far log-probabilities of float32 on a device may be from those of the CPU, and of other batches and pieces. */
const TOLERANCE = 1e-3;

describeOnWebGpu('on a device of WebGPU', () => {
  const copies = new Copies();
  let expected: Result[];
  beforeAll(async () => {
    expected = await answersOfCpu();
  });

  it('a request alone gets the answer of the CPU, and one of many gets the same', async () => {
    const engine = await onDevice(['--disable-radix-cache', '--max-running-requests', '4']);
    const alone = [await engine.generate(REQUESTS[0] ?? {}), await engine.generate(REQUESTS[4] ?? {})];
    expectNear(alone, [expected[0], expected[4]] as Result[], TOLERANCE);
    expectNear(await askAll(engine), expected, TOLERANCE);
    await engine.close();
  });

  it('prompts in pieces and from the cache get it', async () => {
    const engine = await onDevice(['--chunked-prefill-size', '16', '--max-running-requests', '3']);
    expectNear(await askAll(engine), expected, TOLERANCE);
    const again = await askAll(engine);
    expectNear(again, expected, TOLERANCE);
    expect(again.every(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
    expect(await engine.call({ type: 'flush_cache' })).toMatchObject({ of: 'flush_cache' });
    const flushed = await engine.generate(REQUESTS[5] ?? {});
    expectNear([flushed], [expected[5] as Result], TOLERANCE);
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
    expectNear(results, expected, TOLERANCE);
    expect(results.some(({ retractions }) => retractions > 0)).toBe(true);
    expect((await gone).finish).toMatchObject({ type: 'abort' });
    await engine.close();
  });

  it('drafts are checked there', async () => {
    const engine = await onDevice(['--speculative-algorithm', 'NGRAM']);
    expectNear(await askAll(engine), expected, TOLERANCE);
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
    expectNear(served, expected, TOLERANCE);
    expect(loaded).toEqual({ of: 'load_weights', failure: null });
    await engine.call({ type: 'swap_weights', flushCache: true });
    expectNear(await askAll(engine), changed, TOLERANCE);
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
    expectNear(fronts, rows, TOLERANCE);
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
    // Tokens and lengths (int32) of each row, and the longest length.
    expect(uploads - before.uploads).toBe(steps * 3);
    expect(uploadedBytes - before.uploadedBytes).toBe(steps * (3 * (8 + 4) + 4));
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

  it('captured batches get what others get, to the bit, in rows that grow and move', async () => {
    const sizes = ['--max-running-requests', '4', '--cuda-graph-bs', '1', '2', '3', '4'];
    const captured = await onDevice(sizes);
    const plain = await onDevice([...sizes, '--disable-cuda-graph'], FOLDER, new WebGpuBackend(WHOLE, true));
    expect(isCaptured(captured)).toBe(true);
    expect(isCaptured(plain)).toBe(false);
    for (const prompts of [1, 4]) {
      // Batches form as they come: those that start together are the same for both.
      const all = (engine: Engine) =>
        Promise.all(REQUESTS.slice(0, prompts).map((request) => engine.generate(request)));
      expect((await all(captured)).map(({ outputLogprobs }) => outputLogprobs)).toEqual(
        (await all(plain)).map(({ outputLogprobs }) => outputLogprobs),
      );
    }
    expectNear(await askAll(captured), expected, TOLERANCE);
    await captured.close();
    await plain.close();
  });

  it.each(['mixtral', 'mistral-sliding-window'])('nothing of %s is captured', async (name) => {
    const engine = await onDevice(['--context-length', '128'], join(CHECKPOINTS, name));
    expect(isCaptured(engine)).toBe(false);
    await engine.close();
  });

  it.each(['mixtral', 'gemma3', 'phi3-longrope'])('%s computes what it computes on the CPU', (name) =>
    compareCheckpoint(name, 'float32', TOLERANCE),
  );

  it.each(['bert', 'xlm-roberta-reranker', 'llama-reward', 'qwen3-classifier'])(
    'vectors and scores of %s are those of the CPU',
    async (name) => {
      const device = await embed(name, new WebGpuBackend(), 'float32');
      expectAllNear(device, await embed(name, new CpuBackend(), 'auto'), TOLERANCE);
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

/** Whether its decode steps are replays: graphs that are captured read the longest length on the device. */
function isCaptured({ model }: Engine): boolean {
  return model.weights.session.placeOf('total_len') === 'device';
}
