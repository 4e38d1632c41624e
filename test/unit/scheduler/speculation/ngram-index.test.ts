import fc from 'fast-check';
import { NgramIndex, type NgramMatch } from '../../../../src/scheduler/speculation/ngram-index';

const sequence = (ids: readonly number[]) => ({ length: ids.length, at: (i: number) => ids[i] as number });

function indexed(ids: readonly number[], min: number, max: number): NgramIndex {
  const index = new NgramIndex(sequence(ids), min, max);
  while (index.length < ids.length) index.advance();
  return index;
}

/** What a search through all of it finds. */
function searched(ids: readonly number[], min: number, max: number): NgramMatch | null {
  for (let length = Math.min(max, ids.length); length >= min; length--) {
    for (let end = ids.length - 2; end >= length - 1; end--) {
      const isSame = Array.from({ length }, (_, i) => i).every((i) => ids[end - i] === ids.at(-1 - i));
      if (isSame) return { length, next: end + 1 };
    }
  }
  return null;
}

/** Few different tokens, so that much comes again, in numbers that share their low bits. */
const ids = fc.array(
  fc.integer({ min: 0, max: 3 }).map((i) => i * 65536 + 7),
  { maxLength: 300 },
);
const windows = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 9 }));

test('finds the longest end that was there before, where it was last', () => {
  fc.assert(
    fc.property(ids, windows, (tokens, [min, more]) => {
      expect(indexed(tokens, min, min + more).match()).toEqual(searched(tokens, min, min + more));
    }),
  );
});

test('finds the same at every length on the way', () => {
  fc.assert(
    fc.property(ids, (tokens) => {
      const index = new NgramIndex(sequence(tokens), 2, 5);
      tokens.forEach((_, i) => {
        index.advance();
        expect(index.match()).toEqual(searched(tokens.slice(0, i + 1), 2, 5));
      });
    }),
    { numRuns: 30 },
  );
});

test('drafts what followed, and goes on with itself where that ends', () => {
  fc.assert(
    fc.property(ids, fc.integer({ min: 1, max: 40 }), (tokens, count) => {
      const index = indexed(tokens, 1, 6);
      const match = index.match();
      if (match === null) return;
      const draft = [...index.continuation(match, count)];
      const all = [...tokens, ...draft];
      expect(draft).toEqual(all.slice(match.next, match.next + count));
    }),
  );
});

test('drafts a period over and over', () => {
  const index = indexed([1, 2, 3, 1, 2, 3, 1], 1, 4);
  const match = index.match();
  expect(match).toEqual({ length: 4, next: 4 });
  expect([...index.continuation(match as NgramMatch, 7)]).toEqual([2, 3, 1, 2, 3, 1, 2]);
});

test('nothing comes of nothing', () => {
  expect(indexed([], 1, 4).match()).toBeNull();
  expect(indexed([5], 1, 4).match()).toBeNull();
  expect(indexed([5, 6, 7], 1, 4).match()).toBeNull();
  expect(indexed([5, 6, 5], 2, 4).match()).toBeNull();
});
