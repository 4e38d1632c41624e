import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeviceLostError } from '../../src/core/errors';
import type { StagedTensor } from '../../src/model-runner/backends/backend';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { frontOf } from '../../src/model-runner/backends/host-tensor';
import type { KvShape, KvStore } from '../../src/model-runner/kv-store';
import type { ElementTypeName, TensorData } from '../../src/onnxruntime/element-type';
import type { IoBinding } from '../../src/onnxruntime/io-binding';
import { pinnedBuffer, Tensor } from '../../src/onnxruntime/tensor';
import { CHECKPOINTS, Engine } from './support';

/**
 * A device that shares no memory with the host, played by the CPU: what the host writes is not what runs see until it is
 * uploaded, results have to be fetched, and keys and values move some time after they were told to.
 */
class RemoteBackend extends CpuBackend {
  readonly counts = { uploads: 0, downloads: 0, moves: 0 };

  override createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore {
    const store = super.createKvStore(shape, rows, capacity, slots);
    return new SlowStore(store, () => this.counts.moves++);
  }

  override stage<D extends TensorData>(
    type: ElementTypeName,
    data: D,
    dims: readonly number[],
  ): StagedTensor<D> {
    const device = new (data.constructor as new (buffer: ArrayBuffer, from: number, length: number) => D)(
      pinnedBuffer(data.byteLength),
      0,
      data.length,
    );
    return this.staged(type, data, device, dims);
  }

  private staged<D extends TensorData>(
    type: ElementTypeName,
    data: D,
    device: D,
    dims: readonly number[],
  ): StagedTensor<D> {
    const tensor = Tensor.over(type, device, dims);
    const copy = (from: TensorData, to: TensorData) => (to as Uint8Array).set(from as Uint8Array);
    return {
      data,
      tensor,
      front: (shape) => this.staged(type, frontOf(data, shape), frontOf(device, shape), shape),
      upload: () => {
        this.counts.uploads++;
        copy(data, device);
      },
      download: async () => {
        this.counts.downloads++;
        await sleep(1);
        copy(device, data);
      },
      dispose: () => tensor.dispose(),
    };
  }
}

/** Carries out the verbs that move tokens one after the other, each a moment later. */
class SlowStore implements KvStore {
  private pending: Promise<void> | null = null;

  constructor(
    private readonly store: KvStore,
    private readonly moved: () => void,
  ) {}

  get rows() {
    return this.store.rows;
  }
  get capacity() {
    return this.store.capacity;
  }
  get slots() {
    return this.store.slots;
  }
  get bytes() {
    return this.store.bytes;
  }

  load(row: number, slots: Int32Array) {
    const copy = slots.slice();
    this.later(() => this.store.load(row, copy));
  }
  save(row: number, from: number, slots: Int32Array) {
    const copy = slots.slice();
    this.later(() => this.store.save(row, from, copy));
  }
  move(from: number, to: number, length: number) {
    this.later(() => this.store.move(from, to, length));
  }
  vacate(row: number, length: number) {
    this.later(() => this.store.vacate(row, length));
  }
  clear() {
    this.later(() => this.store.clear());
  }
  settled() {
    return this.pending;
  }
  bind(binding: IoBinding, first: number, count: number, tokens: number) {
    this.store.bind(binding, first, count, tokens);
  }
  enter(first: number, pasts: readonly number[]) {
    this.store.enter(first, pasts);
  }
  leave(first: number, pasts: readonly number[], lengths: readonly number[]) {
    this.store.leave(first, pasts, lengths);
  }

  private later(work: () => void) {
    const turn = (this.pending ?? Promise.resolve()).then(async () => {
      await sleep(1);
      work();
      this.moved();
      if (this.pending === turn) this.pending = null;
    });
    this.pending = turn;
  }
}

const PROMPTS = Array.from({ length: 6 }, (_, i) =>
  Array.from({ length: 10 + 9 * i }, (_, j) => 3 + (j < 12 ? j : (j * 17 + i * 31) % 400)),
);

it('a device with memory of its own gives the same answers as the host', async () => {
  const flags = ['--max-total-tokens', '300', '--chunked-prefill-size', '16', '--max-running-requests', '4'];
  const folder = join(CHECKPOINTS, 'random-qwen2');
  const ask = async (engine: Engine) => {
    const results = [];
    for (let round = 0; round < 2; round++) {
      const sampling = { maxNewTokens: 12 };
      results.push(...(await Promise.all(PROMPTS.map((prompt) => engine.generate({ prompt, sampling })))));
    }
    await engine.close();
    return results.map(({ ids, cachedTokens }) => ({ ids, cachedTokens }));
  };
  const host = await ask(await Engine.start(folder, flags));
  const backend = new RemoteBackend();
  const device = await ask(await Engine.start(folder, flags, undefined, { backend }));
  expect(device).toEqual(host);
  expect(host.some(({ cachedTokens }) => cachedTokens > 0)).toBe(true);
  for (const count of Object.values(backend.counts)) expect(count).toBeGreaterThan(0);
});

/** A device that is gone after some runs. */
class FragileBackend extends CpuBackend {
  runs = 8;

  override turn<T>(work: () => Promise<T>): Promise<T> {
    return this.runs-- > 0 ? super.turn(work) : Promise.reject(new DeviceLostError('the device was lost'));
  }
}

it('a device that is lost ends the scheduler, and fails no request in its place', async () => {
  const folder = join(CHECKPOINTS, 'random-qwen2');
  const engine = await Engine.start(folder, ['--max-total-tokens', '300'], undefined, {
    backend: new FragileBackend(),
  });
  let ended = false;
  void engine.generate({ prompt: [1, 2, 3], sampling: { maxNewTokens: 50 } }).then(() => (ended = true));
  await expect(engine.loop).rejects.toThrow(new DeviceLostError('the device was lost'));
  expect(ended).toBe(false);
});
