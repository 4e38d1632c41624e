import * as fc from 'fast-check';
import { nextBatch } from '../../../src/scheduler/embedding/next-batch';

/** Of a model that computes padding. */
const PADDED = { padding: 0.25, computesPadding: true } as const;

const request = (length: number) => ({ ids: new Int32Array(length) });
const lengths = (batch: readonly { ids: Int32Array }[]) => batch.map(({ ids }) => ids.length);

test('prompts of similar length run together, in order of arrival', () => {
  const waiting = [20, 19, 100, 18, 21].map(request);
  expect(lengths(nextBatch(waiting, { ...PADDED, tokens: 512, prompts: 64 }))).toEqual([20, 19, 18, 21]);
});

test('a prompt longer than a run takes runs alone', () => {
  expect(lengths(nextBatch([2000, 3].map(request), { ...PADDED, tokens: 512, prompts: 64 }))).toEqual([2000]);
});

test('any queue is emptied, its first prompt first, within the limits', () => {
  const queue = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(
      queue,
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 8 }),
      (sizes, tokens, prompts) => {
        let waiting = sizes.map(request);
        while (waiting.length > 0) {
          const batch = nextBatch(waiting, { ...PADDED, tokens, prompts });
          expect(batch[0]).toBe(waiting[0]);
          expect(batch.length).toBeLessThanOrEqual(prompts);
          const padded = Math.max(...lengths(batch)) * batch.length;
          if (batch.length > 1) expect(padded).toBeLessThanOrEqual(tokens);
          expect(padded).toBeLessThanOrEqual(1.25 * lengths(batch).reduce((sum, length) => sum + length, 0));
          waiting = waiting.filter((one) => !batch.includes(one));
        }
      },
    ),
  );
});

test('where padding is not computed, the tokens themselves count, and lengths may differ more', () => {
  const packed = { padding: 3, computesPadding: false } as const;
  const waiting = [20, 5, 100, 18, 400].map(request);
  expect(lengths(nextBatch(waiting, { ...packed, tokens: 512, prompts: 64 }))).toEqual([20, 5, 100, 18]);
  expect(lengths(nextBatch(waiting, { ...packed, tokens: 50, prompts: 64 }))).toEqual([20, 5, 18]);
});
