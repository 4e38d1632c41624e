import { GraphBuilder, type TopSearch } from '../../../../src/models/graph/graph-builder';
import { outputTop, topCount } from '../../../../src/models/layers/top-tokens';
import { NO_WEIGHTS } from '../../../../src/model-runner/backends/no-weights';
import { readTop, topWidth } from '../../../../src/model-runner/top-rows';
import { IoBinding } from '../../../../src/onnxruntime/io-binding';
import type { ProviderOptions } from '../../../../src/onnxruntime/providers';
import { Session } from '../../../../src/onnxruntime/session';
import type { TopTokens } from '../../../../src/core/top-tokens';
import { drawAny, isSound } from '../../../../src/sampling/top-tokens';
import { pinnedFloat32, Tensor } from '../../../../src/onnxruntime/tensor';
import { describeOnWebGpu } from '../../../webgpu';
import { PLAIN, draw, makeRow, ranked, softmax } from '../../sampling/reference';

const DRAW = 0.37;

/** Whether the draw falls on the token that the plain way finds, or close to its edge. */
function expectDrawn(row: Float32Array, temperature: number, top: TopTokens) {
  const { id, margin } = draw(row, { ...PLAIN, temperature }, DRAW);
  if (margin > 1e-4) expect(drawAny(top, DRAW)).toBe(id);
}

/** What the graph tells of rows of logits at these temperatures. */
async function told(
  search: TopSearch,
  rows: readonly Float32Array[],
  temperatures: readonly number[],
  provider: ProviderOptions | null = null,
) {
  const vocabSize = rows[0]!.length;
  const g = new GraphBuilder(NO_WEIGHTS);
  outputTop(g, g.input('logits', 'float32', ['rows', vocabSize]), vocabSize, search);
  const session = await Session.create(g.build(), {
    intraOpThreads: 1,
    externalDataFolder: null,
    provider,
  });
  const binding = new IoBinding(session);
  // A device takes a copy of what is bound.
  const bind = (side: 'bindInput' | 'bindOutput', name: string, width: number, values: readonly number[] = []) => {
    const data = pinnedFloat32(rows.length * width);
    data.set(values);
    const tensor = Tensor.over('float32', data, [rows.length, width]);
    binding.adopt(tensor);
    binding[side](name, tensor);
    return data;
  };
  const scales = temperatures.map((temperature) => 1 / temperature);
  bind('bindInput', 'logits', vocabSize, rows.flatMap((row) => [...row]));
  bind('bindInput', 'scales', 1, scales);
  bind('bindInput', 'draws', 1, rows.map(() => DRAW));
  const top = bind('bindOutput', 'top', topWidth(vocabSize));
  await binding.run();
  binding.dispose();
  session.dispose();
  return readTop(top, vocabSize);
}

describeOnWebGpu('the front of rows on a device', () => {
  it.each(['rows', 'blocks'] as const)('searched by %s', async (search) => {
    const row = makeRow('normal', 5003, 21);
    const bad = makeRow('normal', 5003, 3);
    bad[4999] = NaN;
    const provider = { name: 'webgpu', hostNodes: [] } as const;
    const [front, nan] = await told(search, [row, bad], [0.5, 1], provider);
    expect([...front!.ids]).toEqual(ranked(row).slice(0, 64));
    expectDrawn(row, 0.5, front!);
    expect(1 / front!.mass).toBeCloseTo(Math.max(...softmax(row, 0.5)), 5);
    expect(isSound(nan!)).toBe(false);
  });
});

describe.each(['rows', 'blocks'] as const)('the front of rows, searched by %s', (search) => {
  it.each([7, 400, 4096, 5003, 9999])('of %i logits', async (vocabSize) => {
    const kinds = ['normal', 'peaked', 'wide', ...(vocabSize > 7 ? (['masked'] as const) : [])] as const;
    const rows = kinds.map((kind, i) => makeRow(kind, vocabSize, 7 + i));
    const temperatures = [1, 0.5, 2, 1].slice(0, kinds.length);
    const fronts = await told(search, rows, temperatures);
    fronts.forEach((front, i) => {
      const { ids, logits, mass } = front;
      const row = rows[i]!;
      expectDrawn(row, temperatures[i]!, front);
      const count = Math.min(topCount(vocabSize), row.filter((logit) => logit > -Infinity).length);
      expect([...ids.subarray(0, count)]).toEqual(ranked(row).slice(0, count));
      expect([...logits.subarray(0, count)]).toEqual([...ids.subarray(0, count)].map((id) => row[id]));
      expect(1 / mass).toBeCloseTo(Math.max(...softmax(row, temperatures[i]!)), 5);
    });
  });

  it('puts the lower of equal tokens first, and finds void rows', async () => {
    const ties = new Float32Array(5003).fill(-1);
    for (const id of [4900, 77, 2000]) ties[id] = 3;
    const bad = makeRow('normal', 5003, 3);
    bad[4999] = NaN;
    const none = new Float32Array(5003).fill(-Infinity);
    const [equal, nan, empty] = await told(search, [ties, bad, none], [1, 1, 1]);
    expect([...equal!.ids.subarray(0, 3)]).toEqual([77, 2000, 4900]);
    expect(nan!.mass).toBeNaN();
    expect([equal, nan, empty].map((front) => isSound(front!))).toEqual([true, false, false]);
  });
});
