import { join } from 'node:path';
import { DeviceLostError, StartupError } from '../../../../../src/core/errors';
import { dummyWeights } from '../../../../../src/checkpoint/checkpoint';
import { logger } from '../../../../../src/logging/logger';
import { loadModel } from '../../../../../src/model-runner/load-model';
import { ModelRunner } from '../../../../../src/model-runner/model-runner';
import { readModel } from '../../../../../src/models/registry';
import { CudaError } from '../../../../../src/onnxruntime/cuda/cuda-runtime';
import { ortLibrary } from '../../../../../src/onnxruntime/library';
import type { Session } from '../../../../../src/onnxruntime/session';
import { PlayedCuda } from '../../../../host-gpu';

logger.level = 'critical';

const CHECKPOINTS = join(__dirname, '../../../../model/checkpoints');
const CAPACITY = 40;
const PAGE = 16;
/** Tokens of the pages that a row of `CAPACITY` has. */
const ROOM = 48;
const VOCAB = 512;

const read = (name: string, quantization?: string) =>
  readModel(join(CHECKPOINTS, name), {}, name === 'bert' ? 'embedding' : 'generation', quantization);

interface Loaded {
  readonly backend: PlayedCuda;
  readonly runner: ModelRunner;
  readonly session: Session;
}

async function load(
  rows: number,
  captured: readonly number[],
  padsBatches = true,
  capacity = CAPACITY,
): Promise<Loaded> {
  const model = read('random-qwen2');
  const backend = new PlayedCuda(null, { memFractionStatic: 0.8, disableCudaGraph: false, pageSize: PAGE });
  backend.prepareFor(model, 'half');
  const options = { capacity: capacity + 2, tail: 'logits' } as const;
  const weights = dummyWeights();
  const session = await loadModel(model, weights, options, backend).finally(() => weights.close());
  const room = Math.ceil(capacity / PAGE) * PAGE;
  const kv = backend.createKvStore(model.config, rows, capacity, rows * room);
  for (let row = 0; row < rows; row++) {
    const slots = Int32Array.from({ length: room }, (_, i) => row * room + i);
    kv.load(row, slots);
  }
  const runner = new ModelRunner(session, model.config, backend, kv, padsBatches);
  for (const size of captured) await runner.capture(size);
  return { backend, runner, session };
}

afterEach(() => jest.restoreAllMocks());

/** What the library is asked for while something happens, in order. */
async function libraryCalls(work: () => Promise<unknown>): Promise<{ name: string; args: unknown[] }[]> {
  const calls: { name: string; args: unknown[] }[] = [];
  const library = ortLibrary();
  for (const method of ['call', 'create', 'callAsync', 'release'] as const) {
    const original = (library[method] as (...args: unknown[]) => unknown).bind(library);
    jest.spyOn(library, method as 'call').mockImplementation((name, ...args) => {
      calls.push({ name, args });
      return original(name, ...args) as undefined;
    });
  }
  await work();
  jest.restoreAllMocks();
  return calls;
}

const decode = (runner: ModelRunner, size: number, length = 3) =>
  runner.decode(new Int32Array(size).fill(5), new Int32Array(size).fill(length));

describe('a decode step', () => {
  it('uploads its inputs, runs and fetches its logits, waiting once and allocating nothing', async () => {
    const { backend, runner } = await load(4, [2]);
    await decode(runner, 2);
    const from = backend.stream.calls.length;
    const calls = await libraryCalls(() => decode(runner, 2, 4));
    expect(calls.map(({ name }) => name)).toEqual(['RunWithBinding']);
    const step = backend.stream.calls.slice(from);
    expect(step.map(({ call }) => call)).toEqual([
      ...Array<string>(step.length - 2).fill('toDevice'),
      'toHost',
      'finished',
    ]);
    expect(step.find(({ call }) => call === 'toHost')?.bytes).toBe(2 * 4 * VOCAB);
    expect(step.reduce((sum, { call, bytes }) => sum + (call === 'toDevice' ? bytes : 0), 0)).toBeLessThan(
      200,
    );
  });

  it('of a size between two that were captured runs as the larger one, and fetches no more than it needs', async () => {
    const { backend, runner } = await load(8, [1, 4]);
    await decode(runner, 3);
    const before = backend.traffic.downloadedBytes;
    const calls = await libraryCalls(() => decode(runner, 3));
    expect(calls.map(({ name }) => name)).toEqual(['RunWithBinding']);
    expect(backend.traffic.downloadedBytes - before).toBe(3 * 4 * VOCAB);
  });

  it.each([
    ['above every captured size', 5, true],
    ['of another size where batches are not padded', 3, false],
  ])('%s runs as it is, with no graph', async (_, size, pads) => {
    const { runner } = await load(8, [1, 4], pads);
    const calls = await libraryCalls(() => decode(runner, size));
    expect(graphIds(calls)).toEqual(['-1']);
  });

  it('of each captured size has a graph of its own number', async () => {
    const calls = await libraryCalls(async () => {
      const { runner } = await load(8, [4, 2, 1]);
      await runner.extend([{ row: 0, past: 0, ids: Int32Array.of(3, 4), logitPositions: [1] }]);
    });
    expect(graphIds(calls)).toEqual(['4', '2', '1', '-1']);
    const waits = calls.filter(({ args }) => args[1] === 'disable_synchronize_execution_providers');
    expect(waits.every(({ args }) => args[2] === '1')).toBe(true);
  });
});

it('tells attention the bounds of a run, and those of all runs where it is captured', async () => {
  const stage = jest.spyOn(PlayedCuda.prototype, 'stage');
  const { runner } = await load(4, [2]);
  const bounds = () => {
    const last = stage.mock.calls.findLastIndex(([, , dims]) => dims.length === 1 && dims[0] === 3);
    return [...(stage.mock.calls[last]?.[1] as Int32Array)];
  };
  for (const length of [3, 7]) {
    await decode(runner, 2, length);
    expect(bounds()).toEqual([1, CAPACITY, 0]);
  }
  for (const length of [3, 7]) {
    await decode(runner, 4, length);
    expect(bounds()).toEqual([1, length + 1, length + 1]);
  }
  const piece = (row: number, past: number, count: number) =>
    ({ row, past, ids: new Int32Array(count).fill(5), logitPositions: [] }) as const;
  await runner.extend([piece(1, 20, 2), piece(2, 3, 9), piece(3, 0, 1)]);
  expect(bounds()).toEqual([9, 22, 22]);
});

it('captures small batches once more for long rows, and says so', async () => {
  const stage = jest.spyOn(PlayedCuda.prototype, 'stage');
  const { runner } = await load(9, [9, 4], true, 600);
  const all = stage.mock.calls.filter(([, , dims]) => dims.length === 1 && dims[0] === 3);
  const [nine, long, short] = all.map(([, data]) => [...(data as Int32Array)]);
  expect(nine).toEqual([1, 600, 0]);
  expect(long).toEqual([1, 600, 513]);
  expect(short).toEqual([1, 600, 0]);
  const ran = jest.spyOn(ortLibrary(), 'call');
  const bindingOf = async (length: number) => {
    await decode(runner, 4, length);
    return ran.mock.calls.filter(([name]) => name === 'RunWithBinding').at(-1)?.[3];
  };
  const [first, last] = [await bindingOf(511), await bindingOf(512)];
  expect(first).not.toBe(last);
  expect([await bindingOf(3), await bindingOf(599)]).toEqual([first, last]);
});

/** The numbers of graphs that bindings were made with. */
function graphIds(calls: readonly { name: string; args: unknown[] }[]): unknown[] {
  const entries = calls.filter(
    ({ name, args }) => name === 'AddRunConfigEntry' && args[1] === 'gpu_graph_id',
  );
  return entries.map(({ args }) => args[2]);
}

describe('keys and values', () => {
  it('move by the numbers of their pages, and are never copied', async () => {
    const { backend, runner } = await load(3, []);
    const { kv } = runner;
    const prompt = Int32Array.of(3, 4, 5, 6);
    const next = (row: number) => ({ row, past: 4, ids: Int32Array.of(9), logitPositions: [0] });
    await runner.extend([{ row: 1, past: 0, ids: prompt, logitPositions: [3] }]);
    const expected = (await runner.extend([next(1)])).slice(0, VOCAB);
    await decode(runner, 1);
    const from = backend.stream.calls.length;
    kv.save(
      1,
      0,
      Int32Array.from({ length: PAGE }, (_, i) => ROOM + i),
    );
    kv.load(
      2,
      Int32Array.from({ length: PAGE }, (_, i) => ROOM + i),
    );
    kv.move(2, 0, 4);
    expect(backend.stream.calls.slice(from)).toEqual([]);
    expect((await runner.extend([next(0)])).slice(0, VOCAB)).toEqual(expected);
    // Six inputs, and what changed of the table: two entries that lie a row of it apart.
    const uploads = backend.stream.calls.slice(from).filter(({ call }) => call === 'toDevice');
    expect(uploads.map(({ bytes }) => bytes)).toContain(4 * 7);
    expect(uploads).toHaveLength(6 + 1);
  });

  it('of a row in use are not touched by a padded batch before it', async () => {
    const { runner } = await load(4, [4]);
    const prompt = Int32Array.of(3, 9, 4, 8, 5, 7);
    const inTwoPieces = async (between: () => Promise<unknown>) => {
      await runner.extend([{ row: 3, past: 0, ids: prompt.subarray(0, 4), logitPositions: [] }]);
      await between();
      const rest = { row: 3, past: 4, ids: prompt.subarray(4), logitPositions: [1] };
      return (await runner.extend([rest])).slice(0, VOCAB);
    };
    const undisturbed = await inTwoPieces(() => Promise.resolve());
    const disturbed = await inTwoPieces(async () => {
      for (let length = 0; length < 8; length++) await decode(runner, 1, length);
    });
    expect(disturbed).toEqual(undisturbed);
  });
});

describe('inputs of prompts', () => {
  it('take the memory of those before them', async () => {
    const { backend, runner } = await load(2, []);
    const prompt = (length: number) =>
      runner.extend([{ row: 0, past: 0, ids: new Int32Array(length).fill(4), logitPositions: [0] }]);
    await prompt(20);
    const from = backend.stream.calls.length;
    for (const length of [3, 20, 11]) await prompt(length);
    expect(backend.stream.calls.slice(from).filter(({ call }) => call === 'allocateHost')).toEqual([]);
  });
});

describe('what goes wrong', () => {
  it('is a lost device when nothing answers any more', async () => {
    const { backend, runner } = await load(2, []);
    backend.stream.lost = new CudaError('cudaMemcpyAsync', 719, 'unspecified launch failure');
    const failure = await decode(runner, 1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DeviceLostError);
    expect((failure as Error).message).toBe('GPU 0 was lost: cudaMemcpyAsync: unspecified launch failure');
  });

  it('is an ordinary failure while the device answers', async () => {
    const { runner } = await load(2, []);
    const failure = await runner
      .extend([{ row: 0, past: 0, ids: Int32Array.of(1 << 30), logitPositions: [0] }])
      .catch((error: unknown) => error);
    expect(failure).not.toBeInstanceOf(StartupError);
    await expect(decode(runner, 1)).resolves.toBeDefined();
  });

  it('is out of memory, in one line with the flags to change', async () => {
    const { backend, runner } = await load(2, []);
    jest.spyOn(backend.stream, 'allocateHost').mockImplementation(() => {
      throw new CudaError('cudaHostAlloc', 2, 'out of memory');
    });
    const reserve = () => backend.stage('int64', new BigInt64Array(1000), [1000]);
    expect(reserve).toThrow(StartupError);
    expect(reserve).toThrow(
      /^Out of memory on GPU 0 while memory for inputs and logits was reserved: lower --mem-fraction-static \(now 0.8\), or --max-running-requests.$/,
    );
    const sizes = [{ numLayers: 1, numKvHeads: 1, headDim: 8 }, 1, PAGE, PAGE] as const;
    expect(() => backend.createKvStore(...sizes)).toThrow(
      /^Out of memory on GPU 0 while memory for keys and values was reserved: lower --mem-fraction-static \(now 0.8\), or --max-total-tokens.$/,
    );
    jest.spyOn(backend.stream, 'copy').mockImplementation(() => {
      throw new CudaError('cudaMemcpyAsync', 2, 'out of memory');
    });
    const failure = await runner.capture(1).catch((error: unknown) => error);
    expect(backend.captureFailure(failure)?.message).toMatch(
      /while batch sizes were captured: .*--cuda-graph-max-bs/,
    );
    expect(backend.captureFailure(new Error('else'))).toBeNull();
  });
});

describe('a model', () => {
  it('of experts is computed without graphs', () => {
    const backend = new PlayedCuda();
    backend.prepareFor(read('mixtral'), 'auto');
    expect(backend).toMatchObject({ captures: false, stepsAlone: false });
    backend.prepareFor(read('qwen3'), 'auto');
    expect(backend).toMatchObject({ captures: true, stepsAlone: true });
  });

  it('whose heads attention does not take is refused', () => {
    const model = read('qwen3');
    const odd = { ...model, config: { ...model.config, headDim: 12 } };
    expect(() => new PlayedCuda().prepareFor(odd, 'auto')).toThrow(
      new StartupError(
        'Qwen3ForCausalLM: heads of 12 elements are computed by --device cpu; CUDA takes multiples of 8',
      ),
    );
  });

  it.each([['qwen3', 'w8a8_int8', /Qwen3ForCausalLM: products in 8 bits are computed by --device cpu only/]])(
    'that CUDA cannot compute is refused (%s)',
    (name, quantization, message) => {
      const prepare = () => new PlayedCuda().prepareFor(read(name, quantization), 'auto');
      expect(prepare).toThrow(StartupError);
      expect(prepare).toThrow(message);
    },
  );
});
