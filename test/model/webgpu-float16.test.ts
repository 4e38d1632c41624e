import { join } from 'node:path';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { describeOnWebGpu } from '../webgpu';
import { CHECKPOINTS, type Result } from './support';
import {
  answersOfCpu,
  askAll,
  compareCheckpoint,
  computesInFloat16,
  embed,
  expectAllNear,
  expectNear,
  FOLDER,
  load,
  onDevice,
  REQUESTS,
} from './webgpu-answers';

/**
 * How far log-probabilities of float16 on a device may be from those of the CPU, which computes in float32. The provider sums products
 * in float16, too.
 */
const TOLERANCE = 0.2;

/** The same for vectors and scores. */
const VECTOR_TOLERANCE = 0.02;

const FLAGS = ['--dtype', 'half'];

describeOnWebGpu('on a device of WebGPU, in float16', () => {
  let expected: Result[];
  let isAble = true;
  beforeAll(async () => {
    expected = await answersOfCpu();
    isAble = await computesInFloat16();
  });

  /** A test for devices that compute in float16, which Mesa's does and Chromium's does not. */
  function onAbleDevice(name: string, test: () => Promise<void>): void {
    it(name, async () => {
      if (isAble) return test();
      process.stderr.write(`skipped: ${name} (the device does not compute in float16)\n`);
    });
  }

  onAbleDevice(
    'a request alone, one of many, in pieces and from the cache gets the answer of the CPU',
    async () => {
      const engine = await onDevice([
        ...FLAGS,
        '--chunked-prefill-size',
        '16',
        '--max-running-requests',
        '3',
      ]);
      expectNear([await engine.generate(REQUESTS[4] ?? {})], [expected[4] as Result], TOLERANCE);
      expectNear(await askAll(engine), expected, TOLERANCE);
      const again = await askAll(engine);
      expectNear(again, expected, TOLERANCE);
      expect(again.every(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
      await engine.close();
    },
  );

  it('checkpoints in float16 are computed in it where the device can', async () => {
    const backend = new WebGpuBackend();
    const { runner, weights } = await load(join(CHECKPOINTS, 'llama-fp16-biases'), backend, []);
    expect(backend.elementType).toBe(isAble ? 'float16' : 'float32');
    runner.dispose();
    weights.release();
  });

  onAbleDevice('keys and values take half of the memory', async () => {
    const bytesIn = async (dtype: string) => {
      const model = await load(FOLDER, new WebGpuBackend(), ['--dtype', dtype]);
      const { bytes } = model.runner.kv;
      model.runner.dispose();
      model.weights.release();
      return bytes;
    };
    expect(2 * (await bytesIn('half'))).toBe(await bytesIn('float32'));
  });

  for (const name of ['mixtral', 'gemma3', 'llama-fp16-biases', 'phi3-longrope', 'qwen3']) {
    onAbleDevice(`${name} computes what it computes on the CPU`, () =>
      compareCheckpoint(name, 'half', TOLERANCE),
    );
  }

  for (const name of ['bert', 'xlm-roberta-reranker', 'llama-reward', 'qwen3-classifier']) {
    onAbleDevice(`vectors and scores of ${name} are those of the CPU`, async () => {
      const device = await embed(name, new WebGpuBackend(), 'half');
      expectAllNear(device, await embed(name, new CpuBackend(), 'auto'), VECTOR_TOLERANCE);
    });
  }
});
