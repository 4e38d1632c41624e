import { logger } from '../../../../src/logging/logger';
import { BatchRunner } from '../../../../src/scheduler/generation/batch-runner';
import type { Request } from '../../../../src/scheduler/generation/request';
import { VOCAB, makeRequest } from './support';

/** Rows of logits whose likeliest token is 7. */
const logits = (rows: number) =>
  Promise.resolve(Float32Array.from({ length: rows * VOCAB }, (_, i) => (i % VOCAB === 7 ? 1 : 0)));

const model = {
  decode: (ids: Int32Array) => logits(ids.length),
  extend: () => logits(1),
  extendFirst: (_: number, prompts: readonly Int32Array[]) => logits(prompts.length),
};
const nothing = () => undefined;

/** It asks for a token that the model does not have. */
const impossible = () => makeRequest({ logprobs: { startLen: -1, topNum: 0, tokenIds: [VOCAB] } });
const ids = (request: Request) => [...request.ids.view(request.promptLen)];

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
