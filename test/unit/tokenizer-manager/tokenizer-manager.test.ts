import { RequestError, StartupError } from '../../../src/core/errors';
import { logger } from '../../../src/logging/logger';
import type { ServerArgs } from '../../../src/server-args/server-args';
import {
  DEFAULT_GENERATE_REQUEST,
  TokenizerManager,
  type GenerateJob,
  type GenerateRequest,
} from '../../../src/tokenizer-manager';
import { FakeScheduler } from './fake-scheduler';
import { BOS, EOS, FACTS, InlineTokenizer, makeArgs } from './fixtures';

function setUp({
  args = {},
  hasTokenizer = true,
  size = 1,
}: { args?: Partial<ServerArgs>; hasTokenizer?: boolean; size?: number } = {}) {
  const scheduler = new FakeScheduler();
  const schedulers = [scheduler, ...Array.from({ length: size - 1 }, (_, i) => new FakeScheduler(i + 1))];
  const manager = new TokenizerManager({
    args: makeArgs(args),
    facts: FACTS,
    tokenizer: hasTokenizer ? new InlineTokenizer() : null,
    toSchedulers: schedulers,
  });
  for (const each of schedulers) each.deliver = (message) => manager.handle(message);
  const client = new AbortController();
  const generate = (request: Partial<GenerateRequest>) =>
    manager.generate({ ...DEFAULT_GENERATE_REQUEST, ...request }, client.signal);
  return { scheduler, schedulers, manager, client, generate };
}

const limit = (max_new_tokens: number) => ({ samplingParams: { max_new_tokens } });

/** Copies of all chunks, since the results in them live on. */
async function collect(job: GenerateJob) {
  const chunks = job.chunks(({ index, result, newIds }) => ({
    index,
    text: result.text,
    newIds,
    ids: [...result.outputIds],
    end: result.finish,
  }));
  const list = [];
  for await (const chunk of chunks) list.push(chunk);
  return list;
}

describe('the message to the scheduler', () => {
  it('carries the tokenized prompt and the resolved parameters', async () => {
    const { scheduler, generate } = setUp({ args: { streamInterval: 5 } });
    const job = await generate({
      text: 'hi',
      rid: 'r',
      priority: 3,
      extraKey: 'k',
      routingKey: 'g',
      ...limit(2),
    });
    await job.results();
    expect(scheduler.all('generate')).toEqual([
      {
        type: 'generate',
        rid: 'r',
        sample: 0,
        inputIds: Int32Array.of(BOS, 104, 105),
        sampling: {
          maxNewTokens: 2,
          minNewTokens: 0,
          stopTokenIds: [EOS],
          temperature: 1,
          topP: 1,
          topK: -1,
          minP: 0,
          frequencyPenalty: 0,
          presencePenalty: 0,
          repetitionPenalty: 1,
          logitBias: [],
          seed: null,
          grammar: null,
        },
        decode: {
          skipSpecialTokens: true,
          noStopTrim: false,
          stop: [],
          stopRegex: [],
        },
        thinking: null,
        logprobs: null,
        stream: false,
        streamInterval: 5,
        extraKey: 'k',
        priority: 3,
        routingKey: 'g',
        trace: null,
      },
    ]);
  });

  it('bounds the number of tokens by the context', async () => {
    const { scheduler, generate } = setUp();
    await generate({ inputIds: [1, 2, 3], samplingParams: { max_new_tokens: null, min_new_tokens: 500 } });
    expect(scheduler.all('generate')[0]?.sampling).toMatchObject({ maxNewTokens: 60, minNewTokens: 60 });
  });

  it('cuts prompt and output with auto-truncate', async () => {
    const { scheduler, generate } = setUp({ args: { allowAutoTruncate: true } });
    await generate({ text: 'x'.repeat(100_000), ...limit(100) });
    const [message] = scheduler.all('generate');
    expect(message?.inputIds).toHaveLength(58);
    expect(message?.inputIds[0]).toBe(BOS);
    expect(message?.sampling.maxNewTokens).toBe(5);
  });
});

describe('refusals', () => {
  it.each<[Partial<GenerateRequest>, string]>([
    [{ inputIds: [1, 260] }, 'Token ID 260 is out of vocabulary (vocab size: 260)'],
    [{ inputIds: [-1] }, 'Token ID -1 is out of vocabulary (vocab size: 260)'],
    [
      { inputIds: Array<number>(64).fill(1) },
      "The input (64 tokens) is longer than the model's context length (64 tokens).",
    ],
    [
      { text: 'x'.repeat(1000) },
      "The input (at least 1000 tokens) is longer than the model's context length (64 tokens).",
    ],
    [
      { inputIds: [1], returnLogprob: true, logprobStartLen: 2 },
      'req.logprob_start_len=2 is higher than the number of input tokens len(req.origin_input_ids)=1. ' +
        'Please use a smaller logprob_start_len.',
    ],
    [
      { inputIds: [1], returnLogprob: true, logprobStartLen: -2 },
      'logprob_start_len must be -1 or at least 0, got -2.',
    ],
    [
      { inputIds: [1], returnLogprob: true, topLogprobsNum: -1 },
      'top_logprobs_num must be in [0, 260], got -1.',
    ],
    [
      { inputIds: [1], returnLogprob: true, topLogprobsNum: 261 },
      'top_logprobs_num must be in [0, 260], got 261.',
    ],
    [
      { inputIds: [1], returnLogprob: true, tokenIdsLogprob: [0, -3] },
      'token_ids_logprob must be in [0, 259], got -3.',
    ],
    [
      { inputIds: [1], returnLogprob: true, tokenIdsLogprob: Array<number>(1025).fill(1) },
      'token_ids_logprob must have at most 1024 entries, got 1025.',
    ],
    [{ inputIds: [[1], [2]], rid: ['a', 'a'] }, 'Duplicate request ID: a is in use.'],
  ])('%#', async (request, message) => {
    const { scheduler, manager, generate } = setUp();
    await expect(generate(request)).rejects.toEqual(new RequestError('bad_value', message));
    expect(scheduler.received).toEqual([]);
    expect(manager.pendingRids).toEqual([]);
  });

  it('sends nothing of a batch that has one bad prompt', async () => {
    const { scheduler, generate } = setUp();
    await expect(generate({ inputIds: [[1], [999]] })).rejects.toThrow('999');
    expect(scheduler.received).toEqual([]);
  });

  it('refuses text and stop texts without a tokenizer, and takes ids', async () => {
    const { generate } = setUp({ hasTokenizer: false });
    await expect(generate({ text: 'a' })).rejects.toThrow(
      'cannot accept text prompts. Please provide input_ids',
    );
    await expect(generate({ inputIds: [1], samplingParams: { stop: 'a' } })).rejects.toThrow(
      'skip_tokenizer_init',
    );
    expect((await (await generate({ inputIds: [1], ...limit(1) })).results())[0]?.outputIds).toEqual([97]);
  });

  it('refuses an id that is in use, until its request has ended', async () => {
    const { scheduler, manager, generate } = setUp();
    scheduler.isHolding = true;
    const first = await generate({ text: 'a', rid: 'r' });
    await expect(generate({ text: 'b', rid: 'r' })).rejects.toThrow('Duplicate request ID: r is in use.');
    await scheduler.until('generate');
    scheduler.emit('r', 'x', { type: 'length', length: 1 });
    await first.results();
    expect(manager.pendingRids).toEqual([]);
    await generate({ text: 'b', rid: 'r' });
    expect(manager.pendingRids).toEqual(['r']);
  });

  it('names wrong preferred sampling parameters at start', () => {
    const start = () => setUp({ args: { preferredSamplingParams: { heat: 1 } } });
    expect(start).toThrow(StartupError);
    expect(start).toThrow(
      '--preferred-sampling-params is not valid: sampling_params has unknown key "heat".',
    );
  });
});

describe('results', () => {
  it('hold all that was generated', async () => {
    const { manager, generate } = setUp();
    const [result, ...others] = await (await generate({ text: 'hi', rid: 'r', ...limit(3) })).results();
    expect(others).toEqual([]);
    expect(result).toMatchObject({
      rid: 'r',
      text: 'abc',
      outputIds: [97, 98, 99],
      finish: { type: 'length', length: 3 },
      promptTokens: 3,
      completionTokens: 3,
      logprobs: null,
    });
    expect(result?.e2eLatency).toBeGreaterThan(0);
    expect(manager.pendingRids).toEqual([]);
  });

  it('come in the order of the prompts, whichever ends first', async () => {
    const { scheduler, generate } = setUp();
    scheduler.isHolding = true;
    const job = await generate({ text: ['a', 'b'], rid: 'r' });
    const results = job.results();
    await scheduler.until('generate', 2);
    scheduler.emit('r_1', 'second', { type: 'length', length: 6 });
    scheduler.emit('r_0', 'first', { type: 'length', length: 5 });
    expect((await results).map(({ text }) => text)).toEqual(['first', 'second']);
    expect(job.isBatch).toBe(true);
  });

  it('of an empty batch are empty', async () => {
    const { scheduler, generate } = setUp();
    expect(await (await generate({ text: [] })).results()).toEqual([]);
    expect(scheduler.received).toEqual([]);
  });

  it('collect log-probabilities', async () => {
    const { generate } = setUp();
    const job = await generate({
      inputIds: [5, 6, 7],
      returnLogprob: true,
      logprobStartLen: 1,
      topLogprobsNum: 1,
      tokenIdsLogprob: [9],
      ...limit(2),
    });
    const [result] = await job.results();
    expect(result?.logprobs).toEqual({
      wanted: { startLen: 1, topNum: 1, tokenIds: [9] },
      input: [
        { token: [null, 6], top: null, chosen: null },
        { token: [-2, 7], top: [[-2, 97]], chosen: [[-9, 9]] },
      ],
      output: [
        { token: [-1, 97], top: [[-1, 97]], chosen: [[-9, 9]] },
        { token: [-1, 98], top: [[-1, 97]], chosen: [[-9, 9]] },
      ],
    });
  });

  it.each([
    [400, 'bad_value'],
    [503, 'overloaded'],
    [500, 'internal'],
  ])('become an error when the scheduler refuses with %i', async (status_code, code) => {
    const { scheduler, generate } = setUp();
    scheduler.isHolding = true;
    const results = (await generate({ text: ['a', 'b'], rid: 'r' })).results();
    await scheduler.until('generate', 2);
    scheduler.emit('r_1', '', { type: 'abort', message: 'no room', status_code });
    await expect(results).rejects.toMatchObject({ code, message: 'no room' });
    expect(scheduler.all('abort')).toEqual([{ type: 'abort', rid: 'r_0' }]);
  });

  it('report an abort without a status as an end', async () => {
    const { scheduler, manager, generate } = setUp();
    scheduler.isHolding = true;
    const results = (await generate({ text: 'a', rid: 'r' })).results();
    await scheduler.until('generate');
    scheduler.emit('r', 'part');
    manager.abort('r');
    expect((await results)[0]).toMatchObject({ text: 'part', finish: { type: 'abort', message: 'Aborted' } });
  });

  it('ignore outputs of requests that nobody knows', () => {
    const { manager, scheduler } = setUp();
    expect(() =>
      manager.handle({
        type: 'text_outputs',
        rank: 0,
        outputs: [
          {
            rid: 'ghost',
            text: 'x',
            newIds: Int32Array.of(1),
            finish: null,
            promptTokens: 1,
            completionTokens: 1,
            reasoningTokens: 0,
            cachedTokens: 0,
            retractions: 0,
            inputLogprobs: null,
            outputLogprobs: null,
          },
        ],
      }),
    ).not.toThrow();
    expect(scheduler.received).toEqual([]);
  });
});

describe('chunks', () => {
  it('carry the text so far and the new tokens', async () => {
    const { generate } = setUp();
    const job = await generate({ text: 'hi', stream: true, ...limit(3) });
    expect(job.isBatch).toBe(false);
    expect(await collect(job)).toEqual([
      { index: 0, text: 'a', newIds: [97], ids: [97], end: null },
      { index: 0, text: 'ab', newIds: [98], ids: [97, 98], end: null },
      { index: 0, text: 'abc', newIds: [99], ids: [97, 98, 99], end: { type: 'length', length: 3 } },
    ]);
  });

  it('interleave the requests of a batch', async () => {
    const { generate } = setUp();
    const job = await generate({ text: ['a', 'b'], stream: true, ...limit(2) });
    expect((await collect(job)).map(({ index, text }) => `${index}${text}`)).toEqual([
      '0a',
      '1a',
      '0ab',
      '1ab',
    ]);
  });

  it('become one where the reader is slow, and lose nothing', async () => {
    const { scheduler, generate } = setUp();
    scheduler.isHolding = true;
    const job = await generate({ text: 'hi', rid: 'r', stream: true });
    await scheduler.until('generate');
    for (const letter of 'abc') scheduler.emit('r', letter);
    scheduler.emit('r', 'd', { type: 'length', length: 4 });
    const chunks = await collect(job);
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({ text: 'abcd', newIds: [97, 98, 99, 100], end: { type: 'length' } });
  });
});

describe('parallel samples', () => {
  it('run the prompt once, then all samples, prompt by prompt', async () => {
    const { scheduler, generate } = setUp();
    const samplingParams = { n: 2, max_new_tokens: 3, min_new_tokens: 1 };
    const job = await generate({ text: ['p', 'q'], rid: 'r', samplingParams, returnLogprob: true });
    const sent = scheduler.all('generate').map((message) => ({
      rid: message.rid,
      prompt: message.inputIds[1],
      max: message.sampling.maxNewTokens,
      logprobs: message.logprobs !== null,
    }));
    expect(sent).toEqual([
      { rid: 'r_0', prompt: 112, max: 0, logprobs: false },
      { rid: 'r_2', prompt: 113, max: 0, logprobs: false },
      { rid: 'r_0', prompt: 112, max: 3, logprobs: true },
      { rid: 'r_1', prompt: 112, max: 3, logprobs: true },
      { rid: 'r_2', prompt: 113, max: 3, logprobs: true },
      { rid: 'r_3', prompt: 113, max: 3, logprobs: true },
    ]);
    expect(scheduler.all('generate').map(({ sample }) => sample)).toEqual([0, 0, 0, 1, 0, 1]);
    expect(job.isBatch).toBe(true);
    expect((await job.results()).map(({ rid }) => rid)).toEqual(['r_0', 'r_1', 'r_2', 'r_3']);
  });

  it('are not sent when the client leaves during the first run', async () => {
    const { scheduler, manager, client, generate } = setUp();
    scheduler.isHolding = true;
    const job = generate({ text: 'p', rid: 'r', samplingParams: { n: 4 } });
    await scheduler.until('generate');
    client.abort();
    await expect(job).rejects.toThrow('disconnected');
    expect(scheduler.all('generate')).toHaveLength(1);
    expect(scheduler.all('abort')).toEqual([{ type: 'abort', rid: 'r_0' }]);
    await scheduler.until('abort');
    await new Promise((resolve) => setImmediate(resolve));
    expect(manager.pendingRids).toEqual([]);
  });

  it('fail when the first run is refused', async () => {
    const { scheduler, generate } = setUp();
    scheduler.isHolding = true;
    const job = generate({ text: 'p', rid: 'r', samplingParams: { n: 4 } });
    await scheduler.until('generate');
    scheduler.emit('r_0', '', { type: 'abort', message: 'The request queue is full.', status_code: 503 });
    await expect(job).rejects.toMatchObject({ code: 'overloaded', message: 'The request queue is full.' });
  });
});

describe('a client that leaves', () => {
  it.each([true, false])(
    'has its requests aborted at once and their state kept until they end (stream %p)',
    async (stream) => {
      const { scheduler, manager, client, generate } = setUp();
      scheduler.isHolding = true;
      const job = await generate({ text: ['a', 'b'], rid: 'r', stream });
      const reading = stream ? collect(job) : job.results();
      await scheduler.until('generate', 2);
      scheduler.emit('r_0', 'x', { type: 'length', length: 1 });
      client.abort();
      expect(scheduler.all('abort')).toEqual([{ type: 'abort', rid: 'r_1' }]);
      expect(manager.pendingRids).toEqual(['r_1']);
      await reading;
      await new Promise((resolve) => setImmediate(resolve));
      expect(manager.pendingRids).toEqual([]);
    },
  );

  it('has nothing aborted when all has ended', async () => {
    const { scheduler, client, generate } = setUp();
    await (await generate({ text: 'a', ...limit(1) })).results();
    client.abort();
    expect(scheduler.all('abort')).toEqual([]);
  });

  it('does not stop a background request', async () => {
    const { scheduler, client, generate } = setUp();
    const job = await generate({ text: 'a', background: true, ...limit(4) });
    client.abort();
    expect((await job.results())[0]?.text).toBe('abcd');
    expect(scheduler.all('abort')).toEqual([]);
  });

  it('that left before anything was sent has nothing sent', async () => {
    const { scheduler, client, generate } = setUp();
    client.abort();
    await expect(generate({ text: 'a' })).rejects.toThrow('disconnected');
    expect(scheduler.received).toEqual([]);
  });
});

describe('abort', () => {
  it('ends a request by name, and a batch by the name of its members', async () => {
    const { scheduler, manager, generate } = setUp();
    scheduler.isHolding = true;
    await generate({ text: 'a', rid: 'r' });
    await generate({ text: ['a', 'b'], rid: 's' });
    await generate({ text: 'a', rid: 'sx' });
    await generate({ text: 'a', rid: 's_0_more' });
    manager.abort('unknown');
    manager.abort('r');
    manager.abort('s');
    expect(scheduler.all('abort').map(({ rid }) => rid)).toEqual(['r', 's_0', 's_1']);
  });

  it('ends everything', async () => {
    const { scheduler, manager, generate } = setUp();
    scheduler.isHolding = true;
    const job = await generate({ text: ['a', 'b'] });
    expect(manager.pendingRids).toHaveLength(2);
    await scheduler.until('generate', 2);
    manager.abortAll();
    for (const { finish } of await job.results()) expect(finish?.type).toBe('abort');
    expect(manager.pendingRids).toEqual([]);
  });
});

describe('a message that could not be read', () => {
  const reason = 'malformed message';
  beforeEach(() => jest.spyOn(logger, 'log').mockReturnValue(logger));
  afterEach(() => jest.restoreAllMocks());

  const start = async () => {
    const rig = setUp();
    rig.scheduler.isHolding = true;
    const job = await rig.generate({ text: ['a', 'b'], rid: 'r' });
    await rig.scheduler.until('generate', 2);
    return { ...rig, chunks: collect(job) };
  };

  it('here ends the request that it spoke of, with what it has, and is said to the scheduler', async () => {
    const { scheduler, manager, chunks } = await start();
    scheduler.emit('r_0', 'x');
    const requests = ['r_0', 'nobody'].map((rid) => ({ rid, isLast: false }));
    manager.handleInvalid({ reason, requests, callId: null });
    // Sent before the scheduler heard of it: nobody's any more.
    scheduler.emit('r_0', 'z');
    expect(manager.pendingRids).toEqual(['r_0', 'r_1']);
    scheduler.emit('r_1', 'y', { type: 'length', length: 1 });
    const ends = (await chunks).filter(({ end }) => end !== null);
    expect(ends).toMatchObject([
      { index: 0, text: 'x', end: { type: 'abort', status_code: 500, err_type: 'InternalServerError' } },
      { index: 1, text: 'y', end: { type: 'length' } },
    ]);
    expect(scheduler.all('abort').map(({ rid }) => rid)).toEqual(['r_0', 'nobody']);
    await scheduler.until('abort', 2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(manager.pendingRids).toEqual([]);
  });

  it('that was the last of its request leaves nothing behind', async () => {
    const { manager } = await start();
    const requests = ['r_0', 'r_1'].map((rid) => ({ rid, isLast: true }));
    manager.handleInvalid({ reason, requests, callId: null });
    expect(manager.pendingRids).toEqual([]);
  });

  it('elsewhere ends it, too', async () => {
    const { scheduler, manager, chunks } = await start();
    manager.handle({ type: 'failed', rid: 'r_1', message: 'The request could not be read' });
    scheduler.emit('r_0', 'x', { type: 'length', length: 1 });
    expect((await chunks).find(({ index }) => index === 1)?.end).toMatchObject({
      message: 'The request could not be read',
    });
    expect(scheduler.all('abort')).toEqual([]);
  });

  it('is an error for a call, and none for the next', async () => {
    const { scheduler, manager } = setUp();
    const put = jest.spyOn(scheduler, 'put').mockImplementation(() => undefined);
    const [first, second] = [manager.internalStates(), manager.internalStates()];
    const message = 'The request could not be read';
    await Promise.resolve();
    manager.handle({ type: 'control_reply', callId: 1, result: { of: 'error', message } });
    await expect(first).rejects.toMatchObject({ code: 'internal', message });
    manager.handleInvalid({ reason, requests: [], callId: 2 });
    await expect(second).rejects.toMatchObject({ code: 'internal' });
    put.mockRestore();
    expect((await manager.internalStates())[0]?.load.totalTokens).toBe(1000);
  });
});

describe('control', () => {
  const never = new AbortController().signal;

  it('flushes the cache and says whether it worked', async () => {
    const { scheduler, manager } = setUp();
    scheduler.flushResults.push(false);
    expect(await manager.flushCache(0, never)).toBe(false);
    expect(await manager.flushCache(0, never)).toBe(true);
  });

  it('tries a flush again until it works', async () => {
    const { scheduler, manager } = setUp();
    scheduler.flushResults.push(false, false);
    expect(await manager.flushCache(60_000, never)).toBe(true);
    expect(scheduler.all('flush_cache')).toHaveLength(3);
  });

  it('aborts everything before a pause of that mode, and only then', async () => {
    const { scheduler, manager } = setUp();
    await manager.pauseGeneration('in_place');
    await manager.continueGeneration();
    await manager.pauseGeneration('abort');
    expect(scheduler.received.map((message) => ('mode' in message ? message.mode : message.type))).toEqual([
      'in_place',
      'continue',
      'abort_all',
      'abort',
    ]);
  });

  it('has one call of a kind under way at a time', async () => {
    const { scheduler, manager } = setUp();
    const deliver = scheduler.deliver;
    const held: (() => void)[] = [];
    scheduler.deliver = (message) => held.push(() => deliver(message));
    const first = manager.internalStates();
    const second = manager.internalStates();
    const flush = manager.flushCache(0, never);
    await scheduler.until('flush_cache');
    await new Promise((resolve) => setImmediate(resolve));
    expect(scheduler.all('get_internal_state')).toHaveLength(1);
    held.splice(0).forEach((release) => release());
    expect((await first)[0]?.load.totalTokens).toBe(1000);
    expect(await flush).toBe(true);
    scheduler.deliver = deliver;
    expect((await second)[0]?.load.totalTokens).toBe(1000);
    expect(scheduler.all('get_internal_state').map(({ callId }) => callId)).toHaveLength(2);
  });

  it('keeps the latest heartbeat', () => {
    const { manager } = setUp();
    expect(manager.heartbeats[0]?.state).toBeNull();
    const state = { running: 1, queued: 2, forwardCount: 3, busyMs: 4 };
    manager.handle({ type: 'heartbeat', rank: 0, state });
    expect(manager.heartbeats[0]?.state).toEqual(state);
    expect(manager.heartbeats[0]?.ageMs).toBeGreaterThanOrEqual(0);
  });
});

describe('several schedulers', () => {
  const never = new AbortController().signal;
  const counts = (schedulers: readonly FakeScheduler[], type: 'generate' | 'abort' | 'abort_all') =>
    schedulers.map((scheduler) => scheduler.all(type).length);

  it('share the requests, and each gives back what it took', async () => {
    const { schedulers, generate } = setUp({ size: 3 });
    for (const scheduler of schedulers) scheduler.isHolding = true;
    const job = await generate({ text: ['a', 'b', 'c', 'd', 'e', 'f'], ...limit(4) });
    expect(counts(schedulers, 'generate')).toEqual([2, 2, 2]);
    // One that has done its part is the one with the least to do.
    const [, second] = schedulers;
    for (const rid of second?.liveRids ?? []) second?.emit(rid, 'x', { type: 'length', length: 1 });
    const more = await generate({ text: ['g', 'h'], ...limit(4) });
    expect(counts(schedulers, 'generate')).toEqual([2, 4, 2]);
    job.abandon();
    more.abandon();
  });

  it('get the aborts of their own requests, and those that concern all', async () => {
    const { schedulers, manager, generate } = setUp({ size: 2 });
    for (const scheduler of schedulers) scheduler.isHolding = true;
    const results = (await generate({ text: ['a', 'b', 'c'], rid: ['x', 'y', 'z'], ...limit(4) })).results();
    const holder = schedulers.findIndex((scheduler) => scheduler.liveRids.includes('y'));
    manager.abort('y');
    expect(counts(schedulers, 'abort')).toEqual(holder === 0 ? [1, 0] : [0, 1]);
    manager.abortAll();
    expect(counts(schedulers, 'abort_all')).toEqual([1, 1]);
    expect((await results).map(({ finish }) => finish?.type)).toEqual(['abort', 'abort', 'abort']);
    expect(manager.pendingRids).toEqual([]);
  });

  it('run a request where it asks to be run; another rank is refused', async () => {
    const { schedulers, generate } = setUp({ size: 2 });
    for (let i = 0; i < 3; i++) await (await generate({ text: 'a', dpRank: 1, ...limit(1) })).results();
    expect(counts(schedulers, 'generate')).toEqual([0, 3]);
    for (const dpRank of [-1, 2]) {
      await expect(generate({ text: 'a', dpRank })).rejects.toMatchObject({
        code: 'bad_value',
        message: `routed_dp_rank must be in [0, 1] (--dp-size 2), got ${dpRank}.`,
      });
    }
  });

  it.each(['auto', 'round_robin'] as const)(
    'compute the samples of a prompt where its prefix was computed first (%s)',
    async (loadBalanceMethod) => {
      const { schedulers, generate } = setUp({ size: 2, args: { loadBalanceMethod } });
      const samplingParams = { max_new_tokens: 1, n: 3 };
      await (await generate({ text: ['a', 'b'], samplingParams })).results();
      for (const scheduler of schedulers) {
        const prompts = scheduler.all('generate').map(({ inputIds }) => inputIds[1]);
        expect(prompts).toHaveLength(4);
        expect(new Set(prompts).size).toBe(1);
      }
    },
  );

  it('are all asked, and a flush has worked where it worked in all', async () => {
    const { schedulers, manager } = setUp({ size: 2 });
    schedulers[1]?.flushResults.push(false, true);
    expect(await manager.flushCache(0, never)).toBe(false);
    expect(await manager.flushCache(0, never)).toBe(true);
    expect(await manager.internalStates()).toHaveLength(2);
    await manager.pauseGeneration('in_place');
    await manager.continueGeneration();
    for (const scheduler of schedulers) {
      expect(scheduler.received.map(({ type }) => type)).toEqual([
        'flush_cache',
        'flush_cache',
        'get_internal_state',
        'pause',
        'continue',
      ]);
    }
  });

  it('are alive when each is heard of', async () => {
    const { schedulers, manager } = setUp({ size: 2 });
    const state = { running: 1, queued: 2, forwardCount: 3, busyMs: 4 };
    manager.handle({ type: 'heartbeat', rank: 1, state });
    expect(manager.heartbeats.map((heartbeat) => heartbeat.state)).toEqual([null, state]);
    // The first says nothing: a sign of the second alone is not enough.
    if (schedulers[0]) schedulers[0].isHolding = true;
    await manager.probe('probe', never);
    expect(schedulers.flatMap((scheduler) => scheduler.all('generate').map(({ rid }) => rid))).toEqual([
      'probe_DP0',
      'probe_DP1',
    ]);
    expect(await manager.outputOfEach(50)).toBe(false);
    const came = manager.outputOfEach(10_000);
    for (const [rank, scheduler] of schedulers.entries()) {
      scheduler.deliver({ type: 'text_outputs', rank, outputs: [] });
    }
    expect(await came).toBe(true);
  });
});
