/** @jest-environment ./test/shared-realm-environment.cjs */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecodeParams } from '../../../src/core/request';
import { startDetokenizer } from '../../../src/detokenizer/service';
import { createEndpoints, removeEndpoints, type Endpoints } from '../../../src/ipc/endpoints';
import type {
  DetokenizerMsg,
  SchedulerMsg,
  TokenizerManagerMsg,
  TokenOutput,
} from '../../../src/ipc/messages';
import { PullQueue, PushQueue } from '../../../src/ipc/queues';
import { logger } from '../../../src/logging/logger';
import type { StartedChild } from '../../../src/child/frame';
import { TINY_TOKENIZERS, withTokenizerFolder } from './tokenizers';

const ARGS = { enableMetrics: false, skipTokenizerInit: false, softWatchdogTimeout: null };
const DECODE: DecodeParams = {
  skipSpecialTokens: true,
  noStopTrim: false,
  stop: ['#'],
  stopRegex: [],
};

function output(rid: string, text: string): TokenOutput {
  const newIds = Int32Array.from(Buffer.from(text));
  return {
    rid,
    start: { decode: DECODE, minNewTokens: 0, promptTail: Int32Array.of(1), trace: null },
    newIds,
    finish: null,
    promptTokens: 1,
    completionTokens: newIds.length,
    reasoningTokens: 0,
    cachedTokens: 0,
    retractions: 0,
    inputLogprobs: null,
    outputLogprobs: null,
  };
}

describe('startDetokenizer', () => {
  let endpoints: Endpoints;
  let closers: (() => void)[];
  let received: (TokenizerManagerMsg | SchedulerMsg)[];

  beforeEach(async () => {
    endpoints = createEndpoints(1);
    received = [];
    closers = [];
    await listen('tokenizerManager', endpoints.tokenizerManager);
    await listen('scheduler', endpoints.schedulers[0] ?? '');
  });
  afterEach(() => {
    for (const close of closers) close();
    removeEndpoints(endpoints);
    delete process.env['SGLANG_DETOKENIZER_MAX_STATES'];
    delete process.env['SGLANG_TEST_STUCK_DETOKENIZER'];
  });

  async function listen(receiver: 'tokenizerManager' | 'scheduler', endpoint: string) {
    const inbox = await PullQueue.bind(receiver, endpoint);
    const done = inbox.consume(
      (message) => received.push(message),
      () => undefined,
    );
    closers.push(() => inbox.close());
    done.catch(() => undefined);
  }

  async function start(args: Parameters<typeof startDetokenizer>[0]['args'] = ARGS): Promise<StartedChild> {
    const definition = TINY_TOKENIZERS[0]?.definition ?? {};
    const child = await withTokenizerFolder(definition, (tokenizerDir) =>
      startDetokenizer({ args, endpoints, tokenizerDir }),
    );
    closers.push(() => void child.close());
    return child;
  }

  function send(...outputs: TokenOutput[]): void {
    const queue = new PushQueue<DetokenizerMsg>(endpoints.detokenizer, () => undefined);
    closers.push(() => queue.close());
    queue.put({ type: 'token_outputs', rank: 0, outputs });
  }

  async function receive(count: number): Promise<typeof received> {
    for (let i = 0; i < 500 && received.length < count; i++) await sleep(10);
    expect(received).toHaveLength(count);
    return received;
  }

  it('answers to the TokenizerManager, and to the scheduler where a stop matched', async () => {
    const child = await start();
    expect(child.report).toEqual({ type: 'detokenizer_ready' });
    send(output('a', 'hello'), output('b', 'wor#ld'));
    const messages = await receive(2);
    const texts = messages.find((message) => message.type === 'text_outputs');
    expect(texts?.outputs).toMatchObject([
      { rid: 'a', text: 'hello', finish: null },
      { rid: 'b', text: 'wor', finish: { type: 'stop', matched: '#' }, completionTokens: 4 },
    ]);
    expect(texts?.outputs[1]?.newIds).toEqual(Int32Array.from(Buffer.from('wor#')));
    expect(messages.find((message) => message.type === 'stopped')).toEqual({ type: 'stopped', rid: 'b' });
    await child.close();
    await child.done;
  });

  it('ends a request whose output cannot be read, and no other', async () => {
    const errors = jest.spyOn(logger, 'log').mockReturnValue(logger);
    await start();
    const unreadable = { ...output('b', 'x'), newIds: [1, 2] } as unknown as TokenOutput;
    send(output('a', 'hello'), unreadable);
    const messages = await receive(3);
    errors.mockRestore();
    expect(messages.find((message) => message.type === 'text_outputs')).toMatchObject({
      outputs: [{ rid: 'a', text: 'hello' }],
    });
    expect(messages.find((message) => message.type === 'stopped')).toEqual({ type: 'stopped', rid: 'b' });
    expect(messages.find((message) => message.type === 'failed')).toEqual({
      type: 'failed',
      rid: 'b',
      message: 'The output could not be read: malformed message of type token_outputs',
    });
  });

  it('needs no tokenizer with skip_tokenizer_init', async () => {
    const child = await startDetokenizer({
      args: { ...ARGS, skipTokenizerInit: true },
      endpoints,
      tokenizerDir: '/nowhere',
    });
    closers.push(() => void child.close());
    send(output('a', 'x#'));
    expect(await receive(1)).toMatchObject([{ outputs: [{ rid: 'a', text: '', finish: null }] }]);
  });

  it('tells what it costs where metrics are asked for, and nothing where they are not', async () => {
    const costs = () => received.filter(({ type }) => type === 'metrics');
    await start();
    await sleep(1200);
    expect(costs()).toEqual([]);
    for (const close of closers.splice(2)) close();
    await start({ ...ARGS, enableMetrics: true });
    for (let i = 0; i < 300 && costs().length === 0; i++) await sleep(10);
    expect(JSON.stringify(costs()[0])).toContain('"process_cpu_seconds_total"');
  });

  it('takes the number of states from the environment', async () => {
    process.env['SGLANG_DETOKENIZER_MAX_STATES'] = '1';
    logger.silent = true;
    await start();
    send(output('a', 'x'), output('b', 'y'));
    const messages = await receive(2);
    logger.silent = false;
    expect(messages.find((message) => message.type === 'stopped')).toEqual({ type: 'stopped', rid: 'a' });
    process.env['SGLANG_DETOKENIZER_MAX_STATES'] = 'many';
    await expect(start()).rejects.toThrow(
      'SGLANG_DETOKENIZER_MAX_STATES must be a whole number of at least 1, got "many"',
    );
  });

  it('is watched when a soft timeout is set', async () => {
    process.env['SGLANG_TEST_STUCK_DETOKENIZER'] = '0.3';
    const lines: string[] = [];
    const log = jest.spyOn(logger, 'log').mockImplementation((...args: unknown[]) => {
      lines.push(args.join(' '));
      return logger;
    });
    await start({ ...ARGS, softWatchdogTimeout: 0.1 });
    expect(lines).toEqual(['info Watchdog DetokenizerManager initialized.']);
    send(output('a', 'x'));
    await receive(1);
    for (let i = 0; i < 100 && lines.length < 2; i++) await sleep(10);
    log.mockRestore();
    expect(lines[1]).toContain(
      'DetokenizerManager watchdog timeout (self.watchdog_timeout=0.1, self.soft=True)',
    );
  });
});
