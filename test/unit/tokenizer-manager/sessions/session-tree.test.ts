import fc from 'fast-check';
import type { FinishReason } from '../../../../src/core/request';
import { logger } from '../../../../src/logging/logger';
import { continued } from '../../../../src/tokenizer-manager/sessions/place';
import { keptLength } from '../../../../src/tokenizer-manager/sessions/session-params';
import { Sessions } from '../../../../src/tokenizer-manager/sessions/sessions';
import type { Turn } from '../../../../src/tokenizer-manager/sessions/turn';

const DONE: FinishReason = { type: 'length', length: 1 };
const never = new AbortController().signal;

beforeEach(() => void jest.spyOn(logger, 'log').mockReturnValue(logger));
afterEach(() => jest.restoreAllMocks());

describe('how much of a context is kept', () => {
  it.each([
    [null, 5],
    [0, 5],
    [1, 1],
    [4, 4],
    [5, 5],
    [99, 5],
    [-1, 4],
    [-5, 0],
    [-99, 0],
  ])('is what Python slices: [:%p] of five', (offset, kept) => {
    expect(keptLength(5, offset)).toBe(kept);
  });
});

/** A turn as the plainest program would keep it: all of its tokens. */
interface Plain {
  readonly rid: string;
  readonly parent: Plain | null;
  readonly prompt: number[];
  readonly output: number[];
  /** Tokens of the prompt that are not its parent's. */
  readonly own: number;
}

const step = fc.record({
  /** Which of the turns there are it goes on from; beyond them it begins anew. */
  from: fc.nat(7),
  offset: fc.option(fc.integer({ min: -12, max: 12 })),
  replace: fc.boolean(),
  dropPreviousOutput: fc.boolean(),
  ids: fc.array(fc.nat(300), { minLength: 1, maxLength: 6 }),
  outputs: fc.array(fc.array(fc.nat(300), { maxLength: 5 }), { maxLength: 3 }),
  /** Names come again. */
  name: fc.nat(5),
});

describe('a session', () => {
  it('has the contexts and the names that the plainest program would have', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const sessions = new Sessions(() => undefined);
        const id = sessions.open({ id: null, streaming: false, timeout: null });
        const named = new Map<string, Plain>();
        let all: Plain[] = [];
        const isBelow = (turn: Plain | null, top: Plain | null): boolean =>
          turn !== null && (turn.parent === top || isBelow(turn.parent, top));
        for (const { from, offset, replace, dropPreviousOutput, ids, outputs, name } of steps) {
          const parent = [...named.values()][from] ?? null;
          const params = { id, rid: parent?.rid ?? null, offset, replace, dropPreviousOutput };
          const place = await sessions.find(params, never);
          const prompt = continued(place, ids, null);
          const context =
            parent === null ? [] : [...parent.prompt, ...(dropPreviousOutput ? [] : parent.output)];
          const expected = [
            ...(offset === null || offset === 0 ? context : context.slice(0, offset)),
            ...ids,
          ];
          expect([...prompt]).toEqual(expected);

          const [turn] = sessions.enter(place, [`r${name}`], prompt) as [Turn];
          for (const output of outputs) turn.add(Int32Array.from(output), null);
          turn.add(new Int32Array(0), DONE);

          if (replace) {
            const gone = all.filter((each) => parent === null || isBelow(each, parent));
            all = all.filter((each) => !gone.includes(each));
            for (const each of gone) if (named.get(each.rid) === each) named.delete(each.rid);
          }
          const plain = {
            rid: `r${name}`,
            parent,
            prompt: expected,
            output: outputs.flat(),
            own: ids.length,
          };
          all.push(plain);
          named.delete(plain.rid);
          named.set(plain.rid, plain);
          // Every name leads to its context, and no other does.
          for (let i = 0; i < 6; i++) {
            const of = { ...params, rid: `r${i}`, offset: null, replace: false, dropPreviousOutput: false };
            const known = named.get(of.rid);
            if (known === undefined) {
              await expect(sessions.find(of, never)).rejects.toThrow('Invalid request session id');
              continue;
            }
            const found = await sessions.find(of, never);
            expect([...continued(found, [], null)]).toEqual([...known.prompt, ...known.output]);
          }
          // What turns have in common counts once.
          const own = all.reduce((sum, each) => sum + each.own + 128 + each.output.length, 0);
          expect(place.session.size).toBe(own);
        }
        await sessions
          .find({ id, rid: null, offset: null, replace: true, dropPreviousOutput: false }, never)
          .then((place) => {
            const [turn] = sessions.enter(place, ['last'], Int32Array.of(1, 2)) as [Turn];
            turn.add(Int32Array.of(3), DONE);
            // Nothing else is left.
            expect(place.session.size).toBe(128 + 3);
          });
        sessions.stop();
      }),
      { numRuns: 150 },
    );
  });
});
