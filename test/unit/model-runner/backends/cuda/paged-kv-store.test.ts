import { GraphBuilder } from '../../../../../src/models/graph/graph-builder';
import { NO_WEIGHTS } from '../../../../../src/model-runner/backends/no-weights';
import type { KvPages, KvStore } from '../../../../../src/model-runner/kv-store';
import { IoBinding } from '../../../../../src/onnxruntime/io-binding';
import type { Session } from '../../../../../src/onnxruntime/session';
import { PlayedCuda } from '../../../../host-gpu';

const PAGE = 16;
const ROWS = 3;
/** Three pages. */
const CAPACITY = 40;

interface Opened {
  readonly backend: PlayedCuda;
  readonly session: Session;
  readonly store: KvStore;
  readonly pages: KvPages;
}

/** A store of a model without layers, and a graph that gives the table of pages back. */
async function open(): Promise<Opened> {
  const backend = new PlayedCuda(null, { memFractionStatic: 0.8, disableCudaGraph: true, pageSize: PAGE });
  const g = new GraphBuilder(NO_WEIGHTS);
  g.output('seen', g.input('block_table', 'int32', ['rows', 3]), 'int32', ['rows', 3]);
  const session = await backend.createSession(g.build(), null);
  const store = backend.createKvStore({ numLayers: 0, numKvHeads: 2, headDim: 8 }, ROWS, CAPACITY, 20 * PAGE);
  return { backend, session, store, pages: store.pages as KvPages };
}

/** The slots of whole pages, one behind the other. */
const slotsOf = (...numbers: number[]) =>
  Int32Array.from(numbers.flatMap((page) => Array.from({ length: PAGE }, (_, i) => page * PAGE + i)));

/** The table as a run over some rows sees it. */
async function seen({ backend, session, store }: Opened, first: number, count: number): Promise<number[][]> {
  const out = backend.stage('int32', new Int32Array(32).subarray(0, count * 3), [count, 3]);
  const binding = new IoBinding(session);
  store.bind(binding, first, count, CAPACITY);
  binding.bindOutput('seen', out.tensor);
  expect(store.settled()).toBeNull();
  await binding.run();
  await out.download();
  binding.dispose();
  return Array.from({ length: count }, (_, row) => [...out.data.subarray(row * 3, row * 3 + 3)]);
}

const slotsAt = ({ pages }: Opened, row: number, ...positions: number[]) =>
  positions.map((position) => pages.slotAt(row, position));

it('finds the tokens of a row in the pages that were reserved for it', async () => {
  const opened = await open();
  const { store, pages } = opened;
  store.load(1, slotsOf(7));
  pages.place(1, PAGE, slotsOf(3, 12));
  expect(slotsAt(opened, 1, 0, 15, 16, 31, 32, 39)).toEqual([112, 127, 48, 63, 192, 199]);
  expect(await seen(opened, 1, 1)).toEqual([[7, 3, 12]]);
  expect((await seen(opened, 0, 3))[1]).toEqual([7, 3, 12]);
});

it('takes other pages in place of those that turned out to be cached', async () => {
  const opened = await open();
  opened.store.load(0, slotsOf());
  opened.pages.place(0, 0, slotsOf(1, 2, 3));
  opened.pages.place(0, 0, slotsOf(9, 2, 3));
  expect(slotsAt(opened, 0, 0, 16)).toEqual([144, 32]);
  expect(await seen(opened, 0, 1)).toEqual([[9, 2, 3]]);
});

it('gives a row that moves its pages, and the one it left none', async () => {
  const opened = await open();
  const { store, pages } = opened;
  store.load(2, slotsOf(4, 5));
  store.move(2, 0, 20);
  expect((await seen(opened, 0, 1))[0]?.slice(0, 2)).toEqual([4, 5]);
  expect(slotsAt(opened, 0, 17)).toEqual([81]);
  expect(() => pages.slotAt(2, 0)).toThrow('no page is reserved for token 0 of row 2');
});

it.each<[string, (store: KvStore) => void]>([
  ['was vacated', (store) => store.vacate(0, 20)],
  ['was cleared', (store) => store.clear()],
  ['was taken by one without a prefix', (store) => store.load(0, slotsOf())],
])('has no pages in a row that %s', async (_, leave) => {
  const { store, pages } = await open();
  store.load(0, slotsOf(4, 5));
  leave(store);
  expect(() => pages.slotAt(0, 0)).toThrow('no page is reserved');
});

it('tells the device what has changed, once, and copies nothing else', async () => {
  const opened = await open();
  const { backend, store, pages } = opened;
  store.load(0, slotsOf(0));
  expect(store.settled()).toBeNull();
  const { length } = backend.stream.calls;
  expect(store.settled()).toBeNull();
  pages.place(1, 0, slotsOf(4));
  pages.place(2, 0, slotsOf(5, 6));
  pages.place(2, 0, slotsOf(5, 6));
  store.save(2, 0, slotsOf(5));
  expect(store.settled()).toBeNull();
  // From the first page of row 1 to the second one of row 2.
  expect(backend.stream.calls.slice(length)).toEqual([{ call: 'toDevice', bytes: 4 * 5 }]);
  expect(backend.traffic).toMatchObject({ uploads: 2, uploadedBytes: 4 * (9 + 5) });
});

it('takes whole pages only, and as many as a row has room for', async () => {
  const { pages } = await open();
  expect(() => pages.place(0, 8, slotsOf(1))).toThrow('16 tokens at 8 of row 0 are not whole pages of 16');
  expect(() => pages.place(0, 0, slotsOf(1).subarray(0, 5))).toThrow('5 tokens at 0');
  expect(() => pages.place(0, PAGE, slotsOf(1, 2, 3))).toThrow('row 0 has room for 3 pages');
});

it('takes the bytes of its tokens once, and four for each page of a row', async () => {
  const { backend } = await open();
  const store = backend.createKvStore({ numLayers: 5, numKvHeads: 2, headDim: 8 }, ROWS, CAPACITY, 20 * PAGE);
  expect(store.bytes).toBe(20 * PAGE * 5 * 2 * 2 * 8 * 2 + ROWS * 3 * 4);
});
