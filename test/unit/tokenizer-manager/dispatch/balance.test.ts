import fc from 'fast-check';
import {
  chooseRank,
  TOKENS_PER_REQUEST,
  type BalanceMethod,
  type Candidate,
} from '../../../../src/tokenizer-manager/dispatch/balance';

const METHODS: readonly BalanceMethod[] = ['auto', 'round_robin', 'total_requests', 'total_tokens'];

const idle: Candidate = { requests: 0, tokens: 0, cached: 0 };
const busy = (requests: number, more: Partial<Candidate> = {}): Candidate => {
  return { ...idle, requests, tokens: 100 * requests, ...more };
};

describe('auto', () => {
  it('sends a prompt where it is cached', () => {
    expect(chooseRank('auto', [idle, { ...idle, cached: 16 }, idle], 0)).toBe(1);
    expect(chooseRank('auto', [busy(1), busy(3, { cached: 512 })], 0)).toBe(1);
  });

  it('does not wait for a scheduler that has clearly more to do', () => {
    const cached = 4 * TOKENS_PER_REQUEST;
    expect(chooseRank('auto', [busy(1), busy(4, { cached })], 0)).toBe(1);
    expect(chooseRank('auto', [busy(1), busy(6, { cached })], 0)).toBe(0);
  });

  it('lets nobody wait for the few tokens that all conversations begin with', () => {
    expect(chooseRank('auto', [busy(1, { cached: 48 }), idle], 0)).toBe(1);
  });

  it('spreads what has nothing in common', () => {
    expect(chooseRank('auto', [busy(2), busy(1), busy(2)], 0)).toBe(1);
    expect(chooseRank('auto', [busy(1), { ...busy(1), tokens: 7 }], 0)).toBe(1);
  });
});

it('takes turns, whatever there is to do', () => {
  expect(
    [0, 1, 2].map((turn) => chooseRank('round_robin', [busy(9, { cached: 64 }), idle, idle], turn)),
  ).toEqual([0, 1, 2]);
});

it('goes by requests or by tokens alone', () => {
  const few = { requests: 1, tokens: 900, cached: 0 };
  const many = { requests: 5, tokens: 100, cached: 800 };
  expect(chooseRank('total_requests', [many, few], 0)).toBe(1);
  expect(chooseRank('total_tokens', [few, many], 0)).toBe(1);
});

describe('for any schedulers', () => {
  const count = fc.nat(200);
  const candidate = fc.record({ requests: count, tokens: count, cached: count });
  const situation = fc
    .array(candidate, { minLength: 1, maxLength: 6 })
    .chain((candidates) =>
      fc.record({ candidates: fc.constant(candidates), turn: fc.nat(candidates.length - 1) }),
    );

  it('one of them is chosen, and among equals the one whose turn it is', () => {
    fc.assert(
      fc.property(situation, ({ candidates, turn }) => {
        for (const each of METHODS) {
          expect(candidates[chooseRank(each, candidates, turn)]).toBeDefined();
          expect(
            chooseRank(
              each,
              candidates.map(() => idle),
              turn,
            ),
          ).toBe(turn);
        }
      }),
    );
  });

  it('none is chosen that has more to do and less cached than another', () => {
    fc.assert(
      fc.property(situation, ({ candidates, turn }) => {
        const chosen = candidates[chooseRank('auto', candidates, turn)] ?? idle;
        const isWorse = (other: Candidate) =>
          other.requests < chosen.requests && other.tokens <= chosen.tokens && other.cached >= chosen.cached;
        expect(candidates.some(isWorse)).toBe(false);
      }),
    );
  });

  it('more work elsewhere does not change the choice', () => {
    fc.assert(
      fc.property(situation, fc.nat(5), ({ candidates, turn }, more) => {
        for (const each of METHODS) {
          const rank = chooseRank(each, candidates, turn);
          const loaded = candidates.map((one, i) =>
            i === rank ? one : { ...one, requests: one.requests + more, tokens: one.tokens + more },
          );
          expect(chooseRank(each, loaded, turn)).toBe(rank);
        }
      }),
    );
  });
});
