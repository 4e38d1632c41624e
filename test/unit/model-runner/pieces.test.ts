import { cutIntoRuns } from '../../../src/model-runner/pieces';

const ids = Int32Array.from({ length: 10 }, (_, i) => 100 + i);
const item = { row: 3, past: 7, ids, logitPositions: [0, 4, 9] };

it('leaves alone what may run at once', () => {
  expect(cutIntoRuns(item, Infinity)).toEqual([item]);
  expect(cutIntoRuns(item, 10)).toEqual([item]);
});

it('cuts the rest, each run behind the one before, with the logits of its own tokens', () => {
  const runs = cutIntoRuns(item, 4);
  expect(runs.map(({ past, ids: own }) => [past, [...own]])).toEqual([
    [7, [100, 101, 102, 103]],
    [11, [104, 105, 106, 107]],
    [15, [108, 109]],
  ]);
  expect(runs.map(({ logitPositions }) => logitPositions)).toEqual([[0], [0], [1]]);
  expect(runs.every(({ row }) => row === 3)).toBe(true);
});
