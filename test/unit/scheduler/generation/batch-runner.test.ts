import fc from 'fast-check';
import { logger } from '../../../../src/logging/logger';
import type { ExtendItem } from '../../../../src/model-runner/model-runner';
import type { TopTokens } from '../../../../src/core/top-tokens';
import type { TopWish } from '../../../../src/model-runner/top-rows';
import { BatchRunner } from '../../../../src/scheduler/generation/batch-runner';
import type { Request } from '../../../../src/scheduler/generation/request';
import { VOCAB, makeRequest, type Overrides } from './support';

/** Rows of logits whose likeliest token is 7. */
const logits = (rows: number) =>
  Promise.resolve(Float32Array.from({ length: rows * VOCAB }, (_, i) => (i % VOCAB === 7 ? 1 : 0)));

const model = {
  decode: (ids: Int32Array) => logits(ids.length),
  extend: (items: readonly ExtendItem[]) =>
    logits(items.reduce((sum, { logitPositions }) => sum + logitPositions.length, 0)),
  packs: false,
  mixes: false,
  likeliest: null,
  tellsTop: false,
  topTokens: null,
};
const nothing = () => undefined;

/** It asks for a token that the model does not have. */
const impossible = () => makeRequest({ logprobs: { startLen: -1, topNum: 0, tokenIds: [VOCAB] } });
const ids = (request: Request) => [...request.ids.view(request.promptLen)];

describe('a token that the graph found to be the likeliest', () => {
  const telling = { ...model, likeliest: Int32Array.of(3, 4, -1) };
  const stream = (sampling: Overrides['sampling'] = {}) => {
    const request = makeRequest({ sampling: { temperature: 0, maxNewTokens: 9, ...sampling } });
    request.cachedLen = 2;
    return request;
  };

  it('is the next one of a greedy request, and of no other', async () => {
    const requests = [stream(), stream({ minNewTokens: 2, stopTokenIds: [1] })];
    await new BatchRunner(telling, VOCAB).decode(requests, nothing);
    expect(requests.map(ids)).toEqual([[3], [7]]);
  });

  it('is none where the row is void', async () => {
    const error = jest.spyOn(logger, 'error').mockReturnValue(logger);
    const requests = [stream(), stream(), stream()];
    await new BatchRunner(telling, VOCAB).decode(requests, nothing);
    expect(requests.map(ids)).toEqual([[3], [4], []]);
    expect(requests[2]?.finish).not.toBeNull();
    error.mockRestore();
  });
});

describe('the front of a row that a device tells', () => {
  const front = (best: number) => ({
    ids: Int32Array.of(best, 1, 2),
    logits: Float32Array.of(3, 2, 1),
    mass: 1.6,
    drawn: { before: 0, first: 0, masses: Float32Array.of(0, 0.4, 0.2, 1) },
  });
  /** A runner that tells fronts, the wishes it was given and what they draw. */
  const telling = (fronts: readonly number[]) => {
    const wishes: (TopWish | null)[] = [];
    const draws: number[] = [];
    const runner = {
      ...model,
      tellsTop: true,
      topTokens: null as readonly TopTokens[] | null,
      decode: (ids: Int32Array, _lengths: Int32Array, wish: TopWish | null = null) => {
        wishes.push(wish);
        if (wish !== null) draws.push(...fronts.map((_, row) => wish.draw(row)));
        const told = fronts.map(front);
        const enough = wish !== null && told.every((top, row) => wish.suffices(row, top));
        runner.topTokens = enough ? told : null;
        return enough ? Promise.resolve(new Float32Array(0)) : model.decode(ids);
      },
    };
    return { runner, wishes, draws };
  };
  const stream = (overrides: Overrides = {}) => {
    const request = makeRequest({
      ...overrides,
      sampling: { temperature: 0, maxNewTokens: 9, ...overrides.sampling },
    });
    request.cachedLen = 2;
    return request;
  };

  it('is what tokens and log-probabilities come of', async () => {
    const { runner, wishes } = telling([3, 4]);
    const logprobs = { startLen: -1, topNum: 2, tokenIds: null };
    const requests = [stream({ logprobs }), stream({ sampling: { temperature: 0.5, topK: 1 } })];
    await new BatchRunner(runner, VOCAB).decode(requests, nothing);
    expect(requests.map(ids)).toEqual([[3], [4]]);
    expect(requests[0]?.outputLogprobs?.[0]?.top?.map(([, id]) => id)).toEqual([3, 1]);
    expect(requests[0]?.outputLogprobs?.[0]?.token[0]).toBeCloseTo(-Math.log(1.6));
    expect(wishes[0]?.temperature(0)).toBe(1);
  });

  it('says which token is drawn from all', async () => {
    const { runner, draws } = telling([3]);
    const request = stream({ sampling: { temperature: 1, topK: -1 } });
    const u = request.sampler.uniform();
    await new BatchRunner(runner, VOCAB).decode([request], nothing);
    expect(draws).toEqual([u]);
    expect(ids(request)).toEqual([u < 0.25 ? 1 : u < 0.375 ? 2 : 3]);
  });

  it.each([
    ['whose logits are shaped', { sampling: { minNewTokens: 2, stopTokenIds: [1] } }],
    ['who asks for certain tokens', { logprobs: { startLen: -1, topNum: 0, tokenIds: [5] } }],
    ['who asks for more tokens than are told', { logprobs: { startLen: -1, topNum: 100, tokenIds: null } }],
  ] as const)('does not do for a request %s', async (_, overrides) => {
    const { runner, wishes } = telling([3, 4]);
    const requests = [stream(), stream(overrides)];
    await new BatchRunner(runner, VOCAB).decode(requests, nothing);
    expect(wishes).toEqual([null]);
    expect(requests.map(ids)[0]).toEqual([7]);
  });

  it('does not do where its cut lies behind it', async () => {
    const { runner, wishes } = telling([3]);
    const request = stream({ sampling: { temperature: 1, topK: 3 } });
    await new BatchRunner(runner, VOCAB).decode([request], nothing);
    expect(wishes).not.toEqual([null]);
    expect(ids(request)).toHaveLength(1);
    expect(runner.topTokens).toBeNull();
  });
});

describe('a request whose token cannot be chosen', () => {
  beforeEach(() => jest.spyOn(logger, 'error').mockReturnValue(logger));
  afterEach(() => jest.restoreAllMocks());

  it('ends alone when prompts run together', async () => {
    const [bad, good] = [impossible(), makeRequest()];
    const items = [bad, good].map((request, row) => {
      request.row = row;
      return { request, tokens: request.length, cached: 0 };
    });
    await new BatchRunner(model, VOCAB).prefill(items, nothing);
    expect(bad.finish).toMatchObject({ type: 'abort', status_code: 500 });
    expect([good.finish, ids(good), good.cachedLen]).toEqual([null, [7], 3]);
    expect([bad.kvValid, good.kvValid]).toEqual([true, true]);
  });

  it('ends alone in a decode step', async () => {
    const [bad, good] = [impossible(), makeRequest()];
    for (const request of [bad, good]) request.cachedLen = 2;
    await new BatchRunner(model, VOCAB).decode([bad, good], nothing);
    expect(bad.finish).toMatchObject({ type: 'abort', status_code: 500 });
    expect([good.finish, ids(good), good.cachedLen]).toEqual([null, [7], 3]);
    expect([bad.kvValid, good.kvValid]).toEqual([true, true]);
  });

  it('ends alone where prompts and streams share a run', async () => {
    const [stream, bad, piece, prompt] = [makeRequest(), impossible(), makeRequest(), makeRequest()];
    [stream, bad, piece, prompt].forEach((request, row) => (request.row = row));
    for (const request of [stream, bad]) request.cachedLen = 2;
    const group = [
      { request: piece, tokens: 2, cached: 0 },
      { request: prompt, tokens: 3, cached: 0 },
    ];
    const asked: (readonly ExtendItem[])[] = [];
    const extend = (items: readonly ExtendItem[]) => (asked.push(items), model.extend(items));
    await new BatchRunner({ ...model, extend, packs: true }, VOCAB).mixed([stream, bad], group, nothing);
    expect(asked).toEqual([
      [
        { row: 0, past: 2, ids: Int32Array.of(3), logitPositions: [0] },
        { row: 1, past: 2, ids: Int32Array.of(3), logitPositions: [0] },
        { row: 2, past: 0, ids: Int32Array.of(1, 2), logitPositions: [] },
        { row: 3, past: 0, ids: Int32Array.of(1, 2, 3), logitPositions: [2] },
      ],
    ]);
    expect(bad.finish).toMatchObject({ type: 'abort', status_code: 500 });
    expect([stream, piece, prompt].map((request) => [ids(request), request.cachedLen])).toEqual([
      [[7], 3],
      [[], 2],
      [[7], 3],
    ]);
  });

  it('ends with all others of its run when the run itself fails', async () => {
    const runner = new BatchRunner({ ...model, decode: () => Promise.reject(new Error('no memory')) }, VOCAB);
    const both = [makeRequest(), makeRequest()];
    await runner.decode(both, nothing);
    for (const { finish } of both) expect(finish).toMatchObject({ type: 'abort', status_code: 500 });
    expect(both.map(({ kvValid }) => kvValid)).toEqual([false, false]);
    expect(runner.busyMs).toBe(0);
  });
});

describe('a request whose logits say nothing', () => {
  beforeEach(() => jest.spyOn(logger, 'error').mockReturnValue(logger));
  afterEach(() => jest.restoreAllMocks());

  const decode = async (request: Request, logit: number) => {
    const row = new Float32Array(VOCAB).fill(logit);
    request.cachedLen = 2;
    await new BatchRunner({ ...model, decode: () => Promise.resolve(row) }, VOCAB).decode([request], nothing);
  };

  it('ends without a token, and is named in the log', async () => {
    const request = makeRequest({ rid: 'mine' });
    await decode(request, NaN);
    expect(request.finish).toEqual({ type: 'stop', matched: 'NaN happened' });
    expect(request.outputLen).toBe(0);
    expect(request.kvValid).toBe(false);
    expect(logger.error).toHaveBeenCalledTimes(1);
    expect(logger.error).toHaveBeenCalledWith(expect.stringContaining('Request mine met NaN'));
  });

  it('is told when it has itself ruled out every token', async () => {
    const everything = Array.from({ length: VOCAB }, (_, id) => id);
    const request = makeRequest({ sampling: { minNewTokens: 2, stopTokenIds: everything } });
    await decode(request, 1);
    expect(request.finish).toMatchObject({ type: 'abort', status_code: 400 });
    expect(request.kvValid).toBe(true);
    expect(logger.error).not.toHaveBeenCalled();
  });
});

describe('text that a grammar forces', () => {
  /** Its grammar allows everything, and forces `forced` after the first token. */
  function constrained(forced: readonly number[], overrides: Overrides = {}): Request {
    const grammar = { kind: 'ebnf', source: '' } as const;
    const request = makeRequest({ ...overrides, sampling: { grammar, ...overrides.sampling } });
    let left: number[] = [];
    request.sampler.constrain({
      mask: () => Promise.resolve(new Int32Array(VOCAB >> 5).fill(-1)),
      accept: () => true,
      forced: () => left.splice(0),
      isTerminated: false,
      dispose: nothing,
    });
    left = [...forced];
    request.cachedLen = 2;
    return request;
  }

  /** Decode steps, and what was computed apart from them. */
  function counting() {
    const extended: number[][] = [];
    const decoded: number[][] = [];
    const counted = {
      ...model,
      extend: (items: readonly ExtendItem[]) => {
        extended.push(items.flatMap(({ ids }) => [...ids]));
        return model.extend(items);
      },
      decode: (ids: Int32Array) => {
        decoded.push([...ids]);
        return logits(ids.length);
      },
    };
    return { runner: new BatchRunner(counted, VOCAB, undefined, true), extended, decoded };
  }

  it('comes with the token before, and is computed at once with the next one', async () => {
    const { runner, extended, decoded } = counting();
    const request = constrained([1, 2, 3]);
    await runner.decode([request], nothing);
    expect([ids(request), request.cachedLen]).toEqual([[7, 1, 2, 3], 3]);
    await runner.decode([request], nothing);
    expect([extended, decoded]).toEqual([[[7, 1, 2, 3]], [[3]]]);
    expect([ids(request), request.cachedLen]).toEqual([[7, 1, 2, 3, 7], 7]);
  });

  it('is computed with the steps of others where that takes less', async () => {
    const { runner, extended, decoded } = counting();
    const [long, short, other] = [constrained([1, 2, 3]), constrained([4]), makeRequest()];
    other.cachedLen = 2;
    const batch = [long, short, other];
    for (let step = 0; step < 3; step++) await runner.decode(batch, nothing);
    expect(extended).toEqual([[7, 1, 2]]);
    expect(decoded).toEqual([
      [3, 3, 3],
      [3, 7, 7],
      [7, 4, 7],
    ]);
    expect(batch.map(ids)).toEqual([
      [7, 1, 2, 3, 7, 7],
      [7, 4, 7],
      [7, 7, 7],
    ]);
  });

  it('comes step by step where log-probabilities are asked for, and all the same', async () => {
    const { runner, decoded } = counting();
    const request = constrained([1, 2, 3], { logprobs: { startLen: -1, topNum: 0, tokenIds: null } });
    for (let step = 0; step < 5; step++) await runner.decode([request], nothing);
    expect(ids(request)).toEqual([7, 1, 2, 3, 7]);
    expect(decoded).toEqual([[3], [7], [1], [2], [3]]);
    expect(request.outputLogprobs?.map(({ token }) => token[1])).toEqual([7, 1, 2, 3, 7]);
  });

  it.each<[string, Overrides, number[]]>([
    ['as far as the length allows', { sampling: { maxNewTokens: 3 } }, [7, 1, 2]],
    ['up to a token that ends the request', { sampling: { stopTokenIds: [1] } }, [7, 1]],
    ['not before enough tokens exist', { sampling: { minNewTokens: 2 } }, [7]],
    ['step by step where a stop may be in it', { decode: { stop: ['x'] } }, [7]],
    ['not where biases might change how it is written', { sampling: { logitBias: [[1, -5]] } }, [7]],
  ])('comes %s', async (_, overrides, expected) => {
    const request = constrained([1, 2, 3], overrides);
    await counting().runner.decode([request], nothing);
    expect(ids(request)).toEqual(expected);
  });
});

describe('a draft', () => {
  /** A model that counts: after token n comes n + 1. */
  const counting = {
    ...model,
    extend: (items: readonly ExtendItem[]) => {
      const [{ ids, logitPositions }] = items as [ExtendItem];
      const logits = new Float32Array(logitPositions.length * VOCAB);
      logitPositions.forEach((at, row) => (logits[row * VOCAB + ids[at]! + 1] = 1));
      return Promise.resolve(logits);
    },
  };
  const check = async (request: Request, draft: readonly number[]) => {
    request.cachedLen = request.length - 1;
    return new BatchRunner(counting, VOCAB).verify(request, Int32Array.from(draft), nothing);
  };

  it.each([
    ['all of it is right', [4, 5, 6], 3, [4, 5, 6, 7]],
    ['its end is wrong', [4, 5, 9], 2, [4, 5, 6]],
    ['it is wrong, whatever follows', [9, 5, 6], 0, [4]],
  ])('gives what steps would where %s', async (_, draft, accepted, drawn) => {
    const request = makeRequest({ sampling: { maxNewTokens: 20 } });
    expect(await check(request, draft)).toEqual({ accepted, isOpen: false });
    expect(ids(request)).toEqual(drawn);
    expect(request.extendLen).toBe(1);
  });

  it('ends where the request does', async () => {
    const request = makeRequest({ sampling: { maxNewTokens: 20, stopTokenIds: [5] } });
    await check(request, [4, 5, 6]);
    expect([ids(request), request.finish]).toEqual([[4, 5], { type: 'stop', matched: 5 }]);
    expect(request.cachedLen).toBe(request.length - 1);
  });

  it('leaves open what rounding could decide', async () => {
    const request = makeRequest({ sampling: { maxNewTokens: 20 } });
    request.cachedLen = 2;
    const close = {
      ...counting,
      extend: async (items: readonly ExtendItem[]) => {
        const logits = await counting.extend(items);
        logits[VOCAB + 11] = 1 - 1e-6;
        return logits;
      },
    };
    const runner = new BatchRunner(close, VOCAB);
    expect(await runner.verify(request, Int32Array.of(4, 5, 6), nothing)).toEqual({
      accepted: 1,
      isOpen: true,
    });
    expect([ids(request), request.extendLen]).toEqual([[4], 1]);
    const first = { ...close, extend: () => Promise.resolve(new Float32Array(4 * VOCAB).fill(1)) };
    const outcome = await new BatchRunner(first, VOCAB).verify(request, Int32Array.of(5, 6, 7), nothing);
    expect(outcome).toEqual({ accepted: 0, isOpen: true });
    expect([ids(request), request.extendLen]).toEqual([[4], 1]);
  });

  it('whose run fails ends its request', async () => {
    jest.spyOn(logger, 'error').mockReturnValue(logger);
    const request = makeRequest();
    request.cachedLen = 2;
    const runner = new BatchRunner({ ...model, extend: () => Promise.reject(new Error('no memory')) }, VOCAB);
    expect(await runner.verify(request, Int32Array.of(4), nothing)).toEqual({ accepted: 0, isOpen: false });
    expect(request.finish).toMatchObject({ type: 'abort', status_code: 500 });
    expect(request.kvValid).toBe(false);
    jest.restoreAllMocks();
  });

  it('changes nothing of what is drawn, whatever it is and however it is drawn', async () => {
    /** Logits that hang on the last two tokens; a run and a step give the same. */
    const rowOf = (before: number, last: number) =>
      Float32Array.from({ length: VOCAB }, (_, id) => ((before * 7 + last * 13 + id * id * 5) % 31) / 5);
    const runnerOf = (request: Request) => {
      const at = (ids: Int32Array, past: number, i: number) =>
        rowOf(i > 0 ? ids[i - 1]! : request.ids.at(past - 1), ids[i]!);
      return new BatchRunner(
        {
          ...model,
          decode: (ids, [past = 0]) => Promise.resolve(at(ids, past, 0)),
          extend: (items) => {
            const [{ ids, logitPositions, past }] = items as [ExtendItem];
            return Promise.resolve(Float32Array.from(logitPositions.flatMap((i) => [...at(ids, past, i)])));
          },
        },
        VOCAB,
      );
    };
    const parameters = fc.record({
      temperature: fc.constantFrom(0, 0.5, 1.5),
      topK: fc.constantFrom(-1, 5),
      topP: fc.constantFrom(1, 0.8),
      frequencyPenalty: fc.constantFrom(0, 0.7),
      repetitionPenalty: fc.constantFrom(1, 1.3),
      minNewTokens: fc.constantFrom(0, 7),
      stopTokenIds: fc.constantFrom([], [3, 9, 20, 27]),
      maxNewTokens: fc.integer({ min: 1, max: 25 }),
    });
    const logprobs = fc.constantFrom(null, { startLen: -1, topNum: 2, tokenIds: [4] });
    // A draft is right where its entry is true.
    const drafts = fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }), {
      minLength: 1,
      maxLength: 9,
    });
    await fc.assert(
      fc.asyncProperty(parameters, logprobs, drafts, async (sampling, wanted, plan) => {
        const [stepped, drafted] = [0, 1].map(() => makeRequest({ sampling, logprobs: wanted })) as [
          Request,
          Request,
        ];
        for (const request of [stepped, drafted]) request.cachedLen = request.length - 1;
        while (stepped.finish === null) await runnerOf(stepped).decode([stepped], nothing);
        for (let turn = 0; drafted.finish === null; turn++) {
          const from = drafted.length;
          const guesses = (plan[turn % plan.length] ?? []).map((isRight, i) =>
            from + i < stepped.length && isRight ? stepped.ids.at(from + i) : 1,
          );
          const draft = Int32Array.from(guesses.slice(0, Math.max(0, drafted.remainLen - 1)));
          const { isOpen } = await runnerOf(drafted).verify(drafted, draft, nothing);
          if (isOpen) await runnerOf(drafted).decode([drafted], nothing);
        }
        expect(ids(drafted)).toEqual(ids(stepped));
        expect(drafted.finish).toEqual(stepped.finish);
        expect(drafted.outputLogprobs).toEqual(stepped.outputLogprobs);
        expect([drafted.cachedLen, drafted.extendLen]).toEqual([stepped.cachedLen, stepped.extendLen]);
      }),
    );
  });
});
