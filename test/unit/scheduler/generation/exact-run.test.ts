import { exactRun, isExact } from '../../../../src/scheduler/generation/exact-run';
import { prefillGroups } from '../../../../src/scheduler/generation/prefill-groups';
import { PrefillRound } from '../../../../src/scheduler/generation/prefill-round';
import { pieceLength } from '../../../../src/scheduler/generation/prompt-logprobs';
import { makeRequest } from './support';

const NEXT = { startLen: -1, topNum: 0, tokenIds: [5], next: true } as const;
const scored = (length: number) =>
  makeRequest({ prompt: Array<number>(length).fill(1), sampling: { maxNewTokens: 0 }, logprobs: NEXT });
const budget = { total: 1000, input: 1000, chunk: 20, requests: 100, rows: 100, pageSize: 1 };

it('leaves no single row, but where there is one token in all', () => {
  for (let tokens = 1; tokens < 200; tokens++) {
    let left = tokens;
    while (left > 0) {
      const run = exactRun(left);
      expect(run).toBeGreaterThan(0);
      expect(isExact(run) || tokens === 1).toBe(true);
      left -= run;
    }
    expect(left).toBe(0);
  }
  expect(pieceLength(scored(17), 17)).toBe(15);
  expect(pieceLength(makeRequest(), 17)).toBe(17);
});

it('keeps two tokens of a scored prompt out of the cache, where it has two', () => {
  expect(
    [scored(9), scored(2), scored(1), makeRequest({ prompt: [1, 2, 3] })].map((one) => one.prefixLimit),
  ).toEqual([7, 0, 0, 2]);
});

it('runs scored prompts together only where that leaves no single row', () => {
  const sizes = (count: number, length: number) =>
    prefillGroups(
      Array.from({ length: count }, (_, row) => {
        const request = scored(length);
        request.row = row;
        return { request, tokens: length, cached: 0 };
      }),
      false,
    ).map((group) => group.length);
  expect(sizes(4, 8)).toEqual([4]);
  expect(sizes(7, 3)).toEqual([7]);
  expect(sizes(5, 13)).toEqual([4, 1]);
  expect(sizes(3, 11)).toEqual([2, 1]);
});

it('cuts a scored prompt at the same place whoever came before it', () => {
  const round = new PrefillRound(budget);
  round.add(scored(8), 8);
  expect(round.admits(scored(13), 13)).toBe(false);
  expect(round.admits(scored(12), 12)).toBe(true);
  expect(round.admits(makeRequest({ prompt: Array<number>(13).fill(1) }), 13)).toBe(true);

  const alone = new PrefillRound(budget);
  expect(alone.admits(scored(41), 41)).toBe(true);
  alone.add(scored(41), 41);
  expect(alone.items.map(({ tokens }) => tokens)).toEqual([20]);
});

it('does not leave a single token to the next chunk', () => {
  const round = new PrefillRound(budget);
  round.add(scored(21), 21);
  expect(round.items.map(({ tokens }) => tokens)).toEqual([19]);
  const paged = new PrefillRound({ ...budget, pageSize: 4 });
  paged.add(scored(21), 21);
  expect(paged.items.map(({ tokens }) => tokens)).toEqual([16]);
});
