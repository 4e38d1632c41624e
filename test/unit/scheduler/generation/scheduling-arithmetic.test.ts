import { slotRuns } from '../../../../src/model-runner/kv-store';
import { readTimeouts, refusal, timeout } from '../../../../src/scheduler/generation/limits';
import { NewTokenRatio } from '../../../../src/scheduler/generation/new-token-ratio';
import { OutputBatch } from '../../../../src/scheduler/generation/output-batch';
import { joinsSteps, prefillGroups } from '../../../../src/scheduler/generation/prefill-groups';
import { PrefillPace } from '../../../../src/scheduler/generation/prefill-pace';
import {
  PrefillRound,
  reservedTokens,
  type PrefillBudget,
} from '../../../../src/scheduler/generation/prefill-round';
import {
  collectPromptLogprobs,
  pieceLength,
  wantedLogits,
} from '../../../../src/scheduler/generation/prompt-logprobs';
import { TokenBuffer } from '../../../../src/scheduler/generation/token-buffer';
import type { TokenOutput } from '../../../../src/ipc/messages';
import { generateMsg, makeRequest, VOCAB, waitingQueue } from './support';

describe('a request', () => {
  it('is three lengths', () => {
    const request = makeRequest({ prompt: [1, 2, 3, 4], sampling: { maxNewTokens: 2 } });
    expect([request.length, request.extendLen, request.remainLen, request.outputLen]).toEqual([4, 4, 2, 0]);
    request.cachedLen = 4;
    request.append(9);
    expect([request.length, request.extendLen, request.remainLen, request.outputLen]).toEqual([5, 1, 1, 1]);
    expect(request.finish).toBeNull();
    request.append(9);
    expect(request.finish).toEqual({ type: 'length', length: 2 });
  });

  it('ends at a stop token; length is looked at first', () => {
    const stopped = makeRequest({ sampling: { stopTokenIds: [7] } });
    stopped.append(7);
    expect(stopped.finish).toEqual({ type: 'stop', matched: 7 });
    const both = makeRequest({ sampling: { stopTokenIds: [7], maxNewTokens: 1 } });
    both.append(7);
    expect(both.finish).toEqual({ type: 'length', length: 1 });
  });

  it('is clamped to the context', () => {
    expect(
      makeRequest({ prompt: new Array(60).fill(1) as number[], sampling: { maxNewTokens: 100 } })
        .maxNewTokens,
    ).toBe(3);
  });

  it('uses all but its last token from the cache, and none whose log-probability is asked for', () => {
    expect(makeRequest({ prompt: [1, 2, 3, 4] }).prefixLimit).toBe(3);
    const logprobs = { startLen: 1, topNum: 0, tokenIds: null };
    expect(makeRequest({ prompt: [1, 2, 3, 4], logprobs }).prefixLimit).toBe(1);
    expect(makeRequest({ prompt: [1, 2, 3, 4], logprobs: { ...logprobs, startLen: -1 } }).prefixLimit).toBe(
      3,
    );
  });
});

describe('prompt log-probabilities', () => {
  const logprobs = { startLen: 1, topNum: 0, tokenIds: null };

  it('ask for the logits before each reported token and for the last ones', () => {
    const request = makeRequest({ prompt: [1, 2, 3, 4, 5], logprobs });
    expect(wantedLogits(request, 2)).toEqual([1]);
    request.cachedLen = 2;
    expect(wantedLogits(request, 3)).toEqual([0, 1, 2]);
    const plain = makeRequest({ prompt: [1, 2, 3, 4, 5] });
    expect(wantedLogits(plain, 3)).toEqual([]);
    expect(wantedLogits(plain, 5)).toEqual([4]);
  });

  it('are the same however the prompt is cut, with null for the first', () => {
    const prompt = [1, 2, 3, 4, 5];
    const logitsAt = (position: number) =>
      Float32Array.from({ length: VOCAB }, (_, i) => Math.sin(i * (position + 1)));
    const collect = (pieces: readonly number[]) => {
      const request = makeRequest({ prompt, logprobs });
      for (const count of pieces) {
        const positions = wantedLogits(request, count);
        const logits = Float32Array.from(
          positions.flatMap((index) => [...logitsAt(request.cachedLen + index)]),
        );
        collectPromptLogprobs(request, positions, logits, VOCAB);
        request.cachedLen += count;
      }
      return request.inputLogprobs;
    };
    const whole = collect([5]);
    expect(whole?.map(({ token }) => token[1])).toEqual([2, 3, 4, 5]);
    expect(whole?.[0]?.token[0]).toBeNull();
    expect(whole?.slice(1).every(({ token }) => typeof token[0] === 'number')).toBe(true);
    for (const pieces of [
      [1, 4],
      [2, 3],
      [1, 1, 1, 1, 1],
      [4, 1],
    ])
      expect(collect(pieces)).toEqual(whole);
  });

  it('run in pieces that bound the logits in memory', () => {
    const request = makeRequest({ prompt: [1, 2, 3], logprobs });
    expect(pieceLength(request, 1000)).toBe(1 + 128);
    request.cachedLen = 1;
    expect(pieceLength(request, 1000)).toBe(128);
    expect(pieceLength(makeRequest(), 1000)).toBe(1000);
  });
});

describe('a round of admission', () => {
  const budget: PrefillBudget = {
    total: 1000,
    input: 500,
    chunk: 100,
    requests: 10,
    rows: 10,
    pageSize: 1,
  };
  const prompt = (length: number) => makeRequest({ prompt: new Array(length).fill(1) as number[] });

  it('cuts the request that passes the chunk and then is over', () => {
    const round = new PrefillRound({ ...budget, chunk: 40 });
    round.add(prompt(30), 30);
    round.add(prompt(30), 30);
    expect(round.items.map(({ tokens }) => tokens)).toEqual([30, 10]);
    expect(round.admits(prompt(1), 1)).toBe(false);
  });

  it('cuts at whole pages', () => {
    const round = new PrefillRound({ ...budget, chunk: 40, pageSize: 16 });
    round.add(prompt(50), 50);
    expect(round.items[0]?.tokens).toBe(32);
    expect(round.admits(prompt(1), 1)).toBe(false);
  });

  it('counts what the cache gave', () => {
    const round = new PrefillRound(budget);
    round.add(prompt(30), 10);
    expect(round.items[0]).toMatchObject({ tokens: 10, cached: 20 });
  });

  it('keeps room for what a request may generate', () => {
    const round = new PrefillRound({ ...budget, total: 20 });
    expect(round.admits(prompt(12), 12)).toBe(false);
    expect(round.admits(prompt(11), 11)).toBe(true);
    round.charge(1);
    expect(round.admits(prompt(11), 11)).toBe(false);
  });

  it('takes one prompt beyond the input budget, but only alone', () => {
    const round = new PrefillRound({ ...budget, input: 8, chunk: Infinity });
    expect(round.admits(prompt(50), 50)).toBe(true);
    round.add(prompt(2), 2);
    expect(round.admits(prompt(50), 50)).toBe(false);
  });

  it('stops at rows and at --prefill-max-requests', () => {
    const rows = new PrefillRound({ ...budget, rows: 1 });
    rows.add(prompt(2), 2);
    expect(rows.admits(prompt(2), 2)).toBe(false);
    rows.refund(0);
    expect(rows.admits(prompt(2), 2)).toBe(true);
    const requests = new PrefillRound({ ...budget, requests: 1 });
    requests.add(prompt(2), 2);
    expect(requests.admits(prompt(2), 2)).toBe(false);
  });

  it('estimates the future of running requests by the ratio, clipped', () => {
    expect(reservedTokens([{ remainLen: 10 }, { remainLen: 100_000 }], 0.5)).toBe(5 + 2048);
  });
});

describe('groups of prompts that run at once', () => {
  const item = (row: number, length: number, tokens = length, more = {}) => {
    const request = makeRequest({ prompt: new Array(length).fill(1) as number[], ...more });
    request.row = row;
    return { request, tokens, cached: 0 };
  };
  const sizes = (items: ReturnType<typeof item>[]) =>
    prefillGroups(items, false).map((group) => group.length);

  it('join whole first prompts of similar length in adjacent rows', () => {
    expect(sizes([item(0, 10), item(1, 12), item(2, 11)])).toEqual([3]);
    expect(sizes([item(0, 10), item(2, 10)])).toEqual([1, 1]);
    expect(sizes([item(0, 2), item(1, 50)])).toEqual([1, 1]);
  });

  it('leave out pieces, prompts with a past and prompt log-probabilities', () => {
    expect(sizes([item(0, 10), item(1, 12, 10)])).toEqual([1, 1]);
    const cached = item(1, 10);
    cached.request.cachedLen = 4;
    expect(sizes([item(0, 10), cached])).toEqual([1, 1]);
    expect(
      sizes([item(0, 10), item(1, 10, 10, { logprobs: { startLen: 0, topNum: 0, tokenIds: null } })]),
    ).toEqual([1, 1]);
    expect(
      sizes([item(0, 10), item(1, 10, 10, { logprobs: { startLen: -1, topNum: 0, tokenIds: null } })]),
    ).toEqual([2]);
  });
});

describe('groups where rows are packed', () => {
  const item = (row: number, tokens: number, more = {}) => {
    const request = makeRequest({ prompt: new Array(2 * tokens).fill(1) as number[], ...more });
    Object.assign(request, { row, cachedLen: row });
    return { request, tokens, cached: 0 };
  };
  const sizes = (items: ReturnType<typeof item>[]) => prefillGroups(items, true).map((group) => group.length);
  const everyLogprob = { logprobs: { startLen: 0, topNum: 0, tokenIds: null } };
  const scored = {
    sampling: { maxNewTokens: 0 },
    logprobs: { startLen: -1, topNum: 0, tokenIds: [1], next: true as const },
  };

  it('are of pieces of any length behind any past, of adjacent rows, up to what fills a run', () => {
    expect(sizes([item(0, 2), item(1, 50), item(2, 300)])).toEqual([3]);
    expect(sizes([item(0, 2), item(2, 50)])).toEqual([1, 1]);
    expect(sizes([item(0, 300), item(1, 212), item(2, 1), item(3, 600)])).toEqual([2, 1, 1]);
    expect(sizes([item(0, 5), item(1, 5, everyLogprob), item(2, 5)])).toEqual([1, 1, 1]);
  });

  it('join the steps of streams but for those that need many logits, or bits of their own', () => {
    expect(joinsSteps([item(4, 20), item(5, 300)], 4)).toBe(true);
    expect(joinsSteps([item(4, 20), item(5, 30, everyLogprob)], 4)).toBe(false);
    expect([12, 13, 14].map((streams) => joinsSteps([item(4, 20, scored)], streams))).toEqual([
      true,
      false,
      true,
    ]);
  });
});

describe('prompts beside steps', () => {
  /** A machine on which a run takes 20 ms and one more for each token. */
  const ms = (tokens: number) => 20 + tokens;
  const learn = (pace: PrefillPace, streams: number) => {
    for (let i = 0; i < 5; i++) pace.stepTook(streams, ms(streams));
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      const tokens = pace.tokens(streams);
      sizes.push(tokens);
      for (let i = 0; i < 5; i++) pace.mixedStepTook(streams, tokens, ms(streams + tokens));
    }
    return sizes;
  };

  it('are as long as a step with them takes two and a half times one without, in blocks', () => {
    expect(learn(new PrefillPace(), 1)).toEqual([31, 31, 31, 31]);
    expect(learn(new PrefillPace(), 4)).toEqual([28, 28, 28, 28]);
    expect(learn(new PrefillPace(), 16)).toEqual([16, 48, 48, 48]);
    expect(learn(new PrefillPace(), 64)).toEqual([16, 112, 112, 112]);
  });

  it('grow where they take little, a part of what was measured at a time', () => {
    const pace = new PrefillPace();
    for (let i = 0; i < 5; i++) pace.stepTook(1, 20);
    const sizes: number[] = [];
    for (let i = 0; i < 5; i++) {
      const tokens = pace.tokens(1);
      sizes.push(tokens);
      for (let j = 0; j < 5; j++) pace.mixedStepTook(1, tokens, 20);
    }
    expect(sizes).toEqual([31, 127, 511, 2047, 4095]);
  });

  it('shrink when runs take longer, and are one block at least', () => {
    const pace = new PrefillPace();
    learn(pace, 16);
    for (let i = 0; i < 20; i++) pace.mixedStepTook(16, 48, 200);
    expect(pace.tokens(16)).toBe(32);
    for (let i = 0; i < 20; i++) pace.mixedStepTook(16, 32, 200);
    expect(pace.tokens(16)).toBe(16);
    expect(pace.tokens(17)).toBe(31);
  });

  it('are judged by steps of about as many streams', () => {
    const pace = new PrefillPace();
    learn(pace, 2);
    for (let i = 0; i < 5; i++) pace.stepTook(40, 200);
    expect([1, 2, 39].map((streams) => pace.tokens(streams))).toEqual([31, 30, 25]);
    expect(pace.tokens(40)).toBeGreaterThan(100);
  });
});

describe('the new-token ratio', () => {
  it('decays to its minimum and comes back when idle', () => {
    const ratio = new NewTokenRatio(1, {});
    expect(ratio.current).toBeCloseTo(0.7);
    for (let step = 0; step < 300; step++) ratio.afterDecode();
    expect(ratio.current).toBeCloseTo((0.7 + 0.7 * 0.14) / 2);
    for (let step = 0; step < 1000; step++) ratio.afterDecode();
    expect(ratio.current).toBeCloseTo(0.098);
    ratio.whenIdle();
    expect(ratio.current).toBeCloseTo(0.7);
  });

  it('is estimated anew after a retraction', () => {
    const ratio = new NewTokenRatio(1, {});
    expect(ratio.afterRetraction([{ outputLen: 30, maxNewTokens: 99 }], 20)).toBeCloseTo(0.5);
    expect(ratio.afterRetraction([], 20)).toBe(0);
  });
});

describe('the waiting queue', () => {
  const limits = { maxQueued: 2 };

  it('turns the arrival away when full', () => {
    const queue = waitingQueue(limits);
    expect(queue.add(makeRequest({ rid: 'a' }))).toBeNull();
    expect(queue.add(makeRequest({ rid: 'b' }))).toBeNull();
    const rejected = queue.add(makeRequest({ rid: 'c' }));
    expect(rejected?.request.rid).toBe('c');
    expect(rejected?.reason).toEqual({
      type: 'abort',
      status_code: 503,
      message: 'The request queue is full.',
    });
  });

  it('turns the least urgent away when priorities count', () => {
    const queue = waitingQueue({ ...limits, priority: true });
    queue.add(makeRequest({ rid: 'a', priority: 1 }));
    queue.add(makeRequest({ rid: 'b', priority: 5 }));
    const rejected = queue.add(makeRequest({ rid: 'c', priority: 3 }));
    expect(rejected?.request.rid).toBe('a');
    expect(rejected?.reason).toMatchObject({
      message: 'The request is aborted by a higher priority request.',
    });
    expect(queue.add(makeRequest({ rid: 'd', priority: 3 }))?.request.rid).toBe('d');
  });

  it('puts retracted requests first, beyond the limit', () => {
    const queue = waitingQueue(limits);
    queue.add(makeRequest({ rid: 'a' }));
    queue.add(makeRequest({ rid: 'b' }));
    queue.putBack(makeRequest({ rid: 'c' }));
    expect(queue.all.map(({ rid }) => rid)).toEqual(['c', 'a', 'b']);
    expect(queue.take(({ rid }) => rid === 'a')).toHaveLength(1);
    expect(queue.size).toBe(2);
  });
});

describe('limits', () => {
  const args = { enablePriorityScheduling: false, abortOnPriorityWhenDisabled: true };

  it('names both numbers of a prompt that is too long', () => {
    const reason = refusal(generateMsg({ prompt: [1, 2, 3] }), 2, args);
    expect(reason).toMatchObject({
      status_code: 400,
      message: expect.stringMatching(/3 tokens.*\(2 tokens\)/) as string,
    });
    expect(refusal(generateMsg({ prompt: [1, 2] }), 2, args)).toBeNull();
  });

  it('refuses a priority where none is honoured, if told to', () => {
    expect(refusal(generateMsg({ priority: 1 }), 9, args)).toMatchObject({ status_code: 503 });
    expect(refusal(generateMsg({ priority: 1 }), 9, { ...args, enablePriorityScheduling: true })).toBeNull();
    expect(
      refusal(generateMsg({ priority: 1 }), 9, { ...args, abortOnPriorityWhenDisabled: false }),
    ).toBeNull();
  });

  it('refuses log-probabilities from beyond the prompt', () => {
    const logprobs = { startLen: 4, topNum: 0, tokenIds: null };
    expect(refusal(generateMsg({ prompt: [1, 2, 3], logprobs }), 9, args)).toMatchObject({
      status_code: 400,
    });
  });

  it('measures waiting and running time', () => {
    const limits = readTimeouts({ SGLANG_REQ_WAITING_TIMEOUT: '2', SGLANG_REQ_RUNNING_TIMEOUT: '5' });
    const request = { queuedAt: 0, startedAt: 1000 };
    expect(timeout(request, true, 2000, limits)).toBeNull();
    expect(timeout(request, true, 2001, limits)).toMatchObject({
      message: 'Request waiting timeout reached.',
    });
    expect(timeout(request, false, 6001, limits)).toMatchObject({
      message: 'Request running timeout reached.',
    });
    expect(timeout(request, true, 1e9, readTimeouts({}))).toBeNull();
  });
});

describe('outputs', () => {
  const collectAll = (interval: number, stream: boolean, tokens: number, decode = {}) => {
    const sent: (readonly TokenOutput[])[] = [];
    const outputs = new OutputBatch((outputs) => sent.push(outputs));
    const request = makeRequest({
      stream,
      streamInterval: interval,
      decode,
      sampling: { maxNewTokens: tokens },
    });
    for (let i = 0; i < tokens; i++) {
      request.append(i);
      outputs.collect(request);
      outputs.flush();
    }
    return sent.flat();
  };

  it('open the detokenizer’s state once and send every token once', () => {
    const outputs = collectAll(1, true, 4);
    expect(outputs.map(({ start }) => start !== null)).toEqual([true, false, false, false]);
    expect(outputs.flatMap(({ newIds }) => [...newIds])).toEqual([0, 1, 2, 3]);
    expect([...(outputs[0]?.start?.promptTail ?? [])]).toEqual([1, 2, 3]);
  });

  it('come at the interval of a stream and at the end', () => {
    expect(collectAll(3, true, 6).map(({ newIds }) => newIds.length)).toEqual([1, 3, 2]);
  });

  it('come whole when nobody streams, unless text can end the request', () => {
    expect(collectAll(1, false, 6).map(({ newIds }) => newIds.length)).toEqual([6]);
    expect(collectAll(1, false, 3, { stop: ['x'] }).map(({ newIds }) => newIds.length)).toEqual([1, 1, 1]);
  });

  it('send nothing when there is nothing', () => {
    const sent: (readonly TokenOutput[])[] = [];
    new OutputBatch((outputs) => sent.push(outputs)).flush();
    expect(sent).toEqual([]);
  });
});

it('finds runs of adjacent slots', () => {
  expect(slotRuns(Int32Array.of(4, 5, 6, 9, 8, 10, 11))).toEqual([
    { offset: 0, slot: 4, length: 3 },
    { offset: 3, slot: 9, length: 1 },
    { offset: 4, slot: 8, length: 1 },
    { offset: 5, slot: 10, length: 2 },
  ]);
  expect(slotRuns(new Int32Array(0))).toEqual([]);
});

it('grows a token buffer', () => {
  const buffer = TokenBuffer.from(Int32Array.of(1, 2));
  for (let i = 0; i < 200; i++) buffer.push(i);
  buffer.append(Int32Array.of(7, 8));
  expect([buffer.length, buffer.last, [...buffer.view(0, 4)]]).toEqual([204, 8, [1, 2, 0, 1]]);
  buffer.assign(buffer.view(1, 3));
  expect([...buffer.view()]).toEqual([2, 0]);
});
