import * as fc from 'fast-check';
import { HostKvStore } from '../../../../../src/model-runner/backends/cpu/host-kv-store';
import type { IoBinding } from '../../../../../src/onnxruntime/io-binding';
import type { Tensor } from '../../../../../src/onnxruntime/tensor';

const SHAPE = { numLayers: 2, numKvHeads: 2, headDim: 4 };
const CAPACITY = 16;
const SLOTS = 64;

/** The rows of each plane, as the graph would see them. */
function planes(store: HostKvStore): Map<string, Float32Array> {
  const seen = new Map<string, Float32Array>();
  const binding = {
    bindInput: (name: string, tensor: Tensor) => seen.set(name, tensor.backing as Float32Array),
    bindOutput: () => undefined,
    adopt: () => undefined,
  } as Partial<IoBinding> as IoBinding;
  store.bind(binding, 0, store.rows);
  return seen;
}

/** Writes what the attention operator would: a value that tells request, plane, head and position apart. */
function write(store: HostKvStore, row: number, request: number, length: number): void {
  [...planes(store).values()].forEach((data, plane) => {
    for (let head = 0; head < SHAPE.numKvHeads; head++) {
      for (let position = 0; position < length; position++) {
        const start = ((row * SHAPE.numKvHeads + head) * CAPACITY + position) * SHAPE.headDim;
        data.fill(request * 1000 + plane * 100 + head * 50 + position, start, start + SHAPE.headDim);
      }
    }
  });
}

function read(store: HostKvStore, row: number, length: number): number[] {
  return [...planes(store).values()].flatMap((data) =>
    Array.from({ length: SHAPE.numKvHeads }, (_, head) => {
      const start = (row * SHAPE.numKvHeads + head) * CAPACITY * SHAPE.headDim;
      return [...data.subarray(start, start + length * SHAPE.headDim)];
    }).flat(),
  );
}

it('brings back through the arena what was saved, in any slots', () => {
  const slots = fc.uniqueArray(fc.nat(SLOTS - 1), { minLength: 1, maxLength: CAPACITY });
  fc.assert(
    fc.property(slots, (list) => {
      const store = new HostKvStore(SHAPE, 3, CAPACITY, SLOTS);
      write(store, 0, 7, list.length);
      const before = read(store, 0, list.length);
      store.save(0, 0, Int32Array.from(list));
      store.load(2, Int32Array.from(list));
      expect(read(store, 2, list.length)).toEqual(before);
    }),
  );
});

it('saves from the middle of a row and moves rows without touching others', () => {
  const store = new HostKvStore(SHAPE, 3, CAPACITY, SLOTS);
  write(store, 0, 1, 10);
  write(store, 1, 2, 10);
  const first = read(store, 0, 10);
  store.save(0, 4, Int32Array.of(40, 41, 20));
  store.load(2, Int32Array.of(40, 41, 20));
  write(store, 1, 1, 10);
  const tail = read(store, 2, 3);
  store.move(0, 1, 10);
  expect(read(store, 1, 10)).toEqual(first);
  expect(read(store, 2, 3)).toEqual(tail);
});

const onLinux = process.platform === 'linux' ? it : it.skip;

onLinux('gives all memory back when nothing is stored', () => {
  const wide = { numLayers: 2, numKvHeads: 2, headDim: 64 };
  const length = 16_384;
  const store = new HostKvStore(wide, 1, length, length);
  for (const data of planes(store).values()) data.fill(1);
  store.save(
    0,
    0,
    Int32Array.from({ length }, (_, slot) => slot),
  );
  store.vacate(0, 0);
  const full = process.memoryUsage.rss();
  store.clear();
  // 32 MiB of rows and as much of cache.
  expect(full - process.memoryUsage.rss()).toBeGreaterThan(60 * 2 ** 20);
  // All is in place for the next request.
  for (const data of planes(store).values()) data.fill(7);
  store.save(0, 5, Int32Array.of(9, 3));
  store.load(0, Int32Array.of(3, 9));
  for (const data of planes(store).values()) expect([data[0], data[64]]).toEqual([7, 7]);
});

onLinux('gives the memory of vacated rows back', () => {
  const wide = { numLayers: 2, numKvHeads: 2, headDim: 64 };
  const length = 16_384;
  const store = new HostKvStore(wide, 2, length, 1024);
  for (const data of planes(store).values()) data.fill(1);
  const full = process.memoryUsage.rss();
  store.vacate(1, length);
  // Half of the 64 MiB of rows.
  expect(full - process.memoryUsage.rss()).toBeGreaterThan(28 * 2 ** 20);
  const rows = planes(store).get('past_k.0') as Float32Array;
  expect([rows[0], rows[(rows.length * 7) / 8]]).toEqual([1, 0]);
});
