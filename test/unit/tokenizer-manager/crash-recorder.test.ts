import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_GENERATE_REQUEST, TokenizerManager } from '../../../src/tokenizer-manager';
import { CrashRecorder } from '../../../src/tokenizer-manager/crash-recorder';
import { FakeScheduler } from './fake-scheduler';
import { InlineTokenizer, FACTS, makeArgs } from './fixtures';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'crash-'))));
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

interface Dump {
  readonly cause: string;
  readonly requests: { readonly obj: { rid: string; text: string }; readonly finish_time: number | null }[];
}

const read = (path: string | null) => JSON.parse(readFileSync(path ?? '', 'utf8')) as Dump;

test('a dump has the requests that are done and those that run, but none that asks not to be logged', async () => {
  const scheduler = new FakeScheduler();
  const manager = new TokenizerManager({
    args: makeArgs({ crashDumpFolder: folder }),
    facts: FACTS,
    tokenizer: new InlineTokenizer(),
    toSchedulers: [scheduler],
  });
  scheduler.deliver = (message) => manager.handle(message);
  const open = (request: object) =>
    manager.generate(
      { ...DEFAULT_GENERATE_REQUEST, samplingParams: { max_new_tokens: 1 }, ...request },
      new AbortController().signal,
    );
  await (await open({ text: ['one', 'two'], rid: ['a', 'b'] })).results();
  await (await open({ text: 'secret', rid: 'c', noLogs: true })).results();
  scheduler.isHolding = true;
  await open({ text: 'three', rid: 'd' });
  await open({ text: 'secret', rid: 'e', noLogs: true });

  const path = manager.dumpRequests({ cause: 'it broke' });
  const { cause, requests } = read(path);
  expect(cause).toBe('it broke');
  expect(requests.map(({ obj, finish_time }) => [obj.rid, obj.text, finish_time !== null])).toEqual([
    ['a', 'one', true],
    ['b', 'two', true],
    ['d', 'three', false],
  ]);
  expect(requests[0]).toMatchObject({ out: { text: 'a', meta_info: { finish_reason: { type: 'length' } } } });
  expect(statSync(path ?? '').mode & 0o077).toBe(0);
});

test('nothing is written without a folder', () => {
  const manager = new TokenizerManager({
    args: makeArgs(),
    facts: FACTS,
    tokenizer: new InlineTokenizer(),
    toSchedulers: [new FakeScheduler()],
  });
  expect(manager.dumpRequests({ cause: 'it broke' })).toBeNull();
});

test('requests are kept for five minutes, and ten thousand of them at most', () => {
  const recorder = new CrashRecorder(folder);
  const add = (rid: string, finish_time: number) =>
    recorder.add({ obj: { rid }, out: {}, created_time: finish_time, finish_time });
  const now = Date.now() / 1000;
  add('old', now - 301);
  add('recent', now - 200);
  expect(read(recorder.dump([], {})).requests.map(({ obj }) => obj.rid)).toEqual(['recent']);
  for (let i = 0; i < 25_000; i++) add(String(i), now);
  const kept = read(recorder.dump([], {})).requests;
  expect(kept).toHaveLength(10_000);
  expect(kept.at(-1)?.obj.rid).toBe('24999');
});
