import { processorsOf } from '../../../src/sampling/logits-processors';
import { PLAIN } from './reference';

const prompt = Int32Array.of(0);

it('are none for a request that asks for nothing', () => {
  expect(processorsOf(PLAIN, prompt)).toEqual([]);
  expect(processorsOf({ ...PLAIN, stopTokenIds: [2] }, prompt)).toEqual([]);
  expect(processorsOf({ ...PLAIN, minNewTokens: 3 }, prompt)).toEqual([]);
});

it('are one for each thing asked for, in the order in which they shape a row', () => {
  const params = {
    ...PLAIN,
    ...{ frequencyPenalty: 1, presencePenalty: 1, repetitionPenalty: 2 },
    ...{ minNewTokens: 2, stopTokenIds: [1] },
    logitBias: [[2, 5]] as const,
  };
  const row = Float32Array.of(4, 4, 4, 4);
  const steps = processorsOf(params, prompt).map((processor) => {
    processor.observe?.(3);
    processor.apply(row, { generated: 1, allowsOnly: () => false });
    return [...row];
  });
  expect(steps).toEqual([
    [4, 4, 4, 2],
    [2, 4, 4, 1],
    [2, -Infinity, 4, 1],
    [2, -Infinity, 9, 1],
  ]);
});
