import { PLAIN_EMBED } from '../../../src/tokenizer-manager';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelFacts } from '../../../src/core/model-facts';
import type { ServerArgs } from '../../../src/server-args/server-args';
import {
  DEFAULT_GENERATE_REQUEST,
  TokenizerManager,
  type GenerateRequest,
} from '../../../src/tokenizer-manager';
import { captureLog } from '../capture-log';
import { FakeScheduler } from './fake-scheduler';
import { InlineTokenizer, FACTS, makeArgs } from './fixtures';

function makeManager(args: Partial<ServerArgs>, facts: Partial<ModelFacts> = {}) {
  const scheduler = new FakeScheduler();
  const manager = new TokenizerManager({
    args: makeArgs({ logRequests: true, ...args }),
    facts: { ...FACTS, contextLen: 10_000, ...facts },
    tokenizer: new InlineTokenizer(),
    toSchedulers: [scheduler],
  });
  scheduler.deliver = (message) => manager.handle(message);
  return { scheduler, manager };
}

/** The lines that are written to a stream until `jest.restoreAllMocks()`. */
function linesOf(stream: NodeJS.WriteStream): string[] {
  const lines: string[] = [];
  jest.spyOn(stream, 'write').mockImplementation((text) => lines.push(String(text).trimEnd()) > 0);
  return lines;
}

const stampless = (line: string) => line.replace(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /, '');

/** The log lines of one request that generates `ab`, without their time stamps. */
async function logOf(args: Partial<ServerArgs>, request: Partial<GenerateRequest> = {}): Promise<string[]> {
  const lines = linesOf(process.stderr);
  try {
    const { manager } = makeManager(args);
    const body = { text: "it's", rid: 'r', samplingParams: { max_new_tokens: 2 }, ...request };
    const job = await manager.generate(
      { ...DEFAULT_GENERATE_REQUEST, ...body },
      new AbortController().signal,
    );
    await job.results();
    return lines.map(stampless);
  } finally {
    jest.restoreAllMocks();
  }
}

it('says nothing unless asked to', async () => {
  expect(await logOf({ logRequests: false })).toEqual([]);
  expect(await logOf({}, { noLogs: true })).toEqual([]);
});

it('prints a request as Python would, when it arrives and when it ends', async () => {
  const [receive, finish, ...others] = await logOf({});
  expect(others).toEqual([]);
  const obj =
    `obj=GenerateReqInput(rid='r', text="it's", input_ids=None, sampling_params={'max_new_tokens': 2}, ` +
    'return_logprob=False, stream=False, priority=None, extra_key=None)';
  expect(receive).toBe(`Receive: ${obj}`);
  expect(
    finish?.startsWith(
      `Finish: ${obj}, out={'text': 'ab', 'output_ids': [97, 98], 'meta_info': {'id': 'r', `,
    ),
  ).toBe(true);
  expect(finish).toContain("'finish_reason': {'type': 'length', 'length': 2}");
});

it('leaves out more the lower the level', async () => {
  const at = async (logRequestsLevel: 0 | 1) => (await logOf({ logRequestsLevel })).join('\n');
  expect(await at(0)).not.toMatch(/it's|sampling_params|'text'/);
  expect(await at(1)).toMatch(/sampling_params/);
  expect(await at(1)).not.toMatch(/it's|'text'/);
});

it('cuts long texts at level 2 and prints them whole at level 3', async () => {
  const text = `start${'x'.repeat(5000)}end`;
  const [cut] = await logOf({ logRequestsLevel: 2 }, { text });
  expect(cut?.length).toBeLessThan(2500);
  expect(cut).toMatch(/start.* \.\.\. .*end/);
  const [whole] = await logOf({ logRequestsLevel: 3 }, { text });
  expect(whole).toContain(text);
});

it('writes one JSON object a line in JSON form', async () => {
  const [receive, finish] = (await logOf({ logRequestsFormat: 'json' })).map(
    (line) => JSON.parse(line) as object,
  );
  expect(receive).toMatchObject({ event: 'request.received', rid: 'r', obj: { text: "it's" } });
  expect(finish).toMatchObject({
    event: 'request.finished',
    rid: 'r',
    out: { text: 'ab', meta_info: { completion_tokens: 2 } },
  });
});

const ORIGIN = {
  requestId: 'trace-1',
  headers: { 'x-smg-routing-key': 'k' },
  customLabels: null,
  traceHeaders: {},
};

it('says where a request came from, at every level', async () => {
  const [receive, finish] = await logOf({ logRequestsLevel: 0 }, { origin: ORIGIN });
  expect(receive).toMatch(/\), headers=\{'x-smg-routing-key': 'k'\}, request_id='trace-1'$/);
  expect(finish).toMatch(/, headers=\{'x-smg-routing-key': 'k'\}, request_id='trace-1'$/);
  const json = await logOf({ logRequestsFormat: 'json' }, { origin: ORIGIN });
  for (const line of json) {
    expect(JSON.parse(line)).toMatchObject({ headers: ORIGIN.headers, request_id: 'trace-1' });
  }
});

it('shows of a batch each member alone when it ends', async () => {
  const lines = await logOf(
    { logRequestsFormat: 'json' },
    { text: ['one', 'two'], rid: ['a', 'b'], samplingParams: [{ n: 1 }, { n: 1, top_k: 2 }] },
  );
  const finished = lines.slice(1).map((line) => JSON.parse(line) as { rid: string });
  finished.sort((one, two) => one.rid.localeCompare(two.rid));
  expect(finished).toMatchObject([
    { rid: 'a', obj: { rid: 'a', text: 'one', sampling_params: { n: 1 } } },
    { rid: 'b', obj: { rid: 'b', text: 'two', sampling_params: { top_k: 2 } } },
  ]);
});

it('leaves out the end of requests that were fast, where asked to', async () => {
  process.env['SGLANG_LOG_REQUEST_EXCEEDED_MS'] = '60000';
  try {
    expect(await logOf({})).toEqual([expect.stringMatching(/^Receive: /)]);
  } finally {
    delete process.env['SGLANG_LOG_REQUEST_EXCEEDED_MS'];
  }
});

describe('an aborted request', () => {
  afterEach(() => jest.restoreAllMocks());

  async function running(format: 'text' | 'json') {
    const { scheduler, manager } = makeManager({ logRequestsFormat: format });
    const lines = linesOf(process.stderr);
    scheduler.isHolding = true;
    const client = new AbortController();
    const request = { ...DEFAULT_GENERATE_REQUEST, text: 'a', rid: 'r', origin: ORIGIN };
    const job = await manager.generate(request, client.signal);
    return { lines, manager, client, results: job.results() };
  }

  it('has a line that says so, before the one with its result', async () => {
    const { lines, manager, results } = await running('json');
    manager.abort('r');
    await results;
    const events = lines.map((line) => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual([
      'request.received',
      'request.aborted',
      'request.finished',
    ]);
    expect(events[1]).toMatchObject({ rid: 'r', message: expect.any(String), headers: ORIGIN.headers });
  });

  it('is told of at debug level without a request log', async () => {
    const { scheduler, manager } = makeManager({ logRequests: false });
    const lines = captureLog((level, message) => `${level} ${message}`);
    scheduler.isHolding = true;
    const request = { ...DEFAULT_GENERATE_REQUEST, text: 'a', rid: 'r' };
    const job = await manager.generate(request, new AbortController().signal);
    manager.abort('r');
    await job.results();
    expect(lines).toEqual([expect.stringMatching(/^debug Abort request r: /)]);
  });

  it('says that nobody waits for it when its client has left', async () => {
    const { lines, client } = await running('text');
    client.abort();
    await new Promise(setImmediate);
    expect(lines.map(stampless)[1]).toBe(
      "Abort: rid='r', message='Nobody waits for it any more.', headers={'x-smg-routing-key': 'k'}, request_id='trace-1'",
    );
  });
});

describe('targets', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'request-log-'))));
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true });
  });
  const run = async (args: Partial<ServerArgs>) => {
    const { manager } = makeManager(args);
    const request = { ...DEFAULT_GENERATE_REQUEST, text: 'a', samplingParams: { max_new_tokens: 1 } };
    await (await manager.generate(request, new AbortController().signal)).results();
  };

  it('are stdout and the files of folders, each with every line', async () => {
    const shown = linesOf(process.stdout);
    const nested = join(folder, 'a/b');
    await run({ logRequestsFormat: 'json', logRequestsTarget: ['stdout', nested] });
    const [name = '', ...others] = readdirSync(nested);
    expect(others).toEqual([]);
    expect(name).toMatch(new RegExp(`_${process.pid}_\\d{4}-\\d\\d-\\d\\d_\\d\\d\\.log$`));
    expect(readFileSync(join(nested, name), 'utf8').trimEnd().split('\n')).toEqual(shown);
    expect(shown.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
      'request.received',
      'request.finished',
    ]);
  });

  it('that cannot be made end the start', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const start = () => makeManager({ logRequestsTarget: [join(file, 'log')] });
    expect(start).toThrow(/^The log folder .*file\/log cannot be made: .*ENOTDIR/);
    expect(() => makeManager({ crashDumpFolder: file })).toThrow('cannot be made');
  });
});

describe('embedding requests', () => {
  afterEach(() => jest.restoreAllMocks());

  it('are logged as well', async () => {
    const lines = linesOf(process.stderr);
    const { scheduler, manager } = makeManager({}, { kind: 'embedding' });
    const request = { ...PLAIN_EMBED, text: ['a', 'b'], rid: ['x', 'y'], origin: ORIGIN };
    const reply = manager.encode(request, new AbortController().signal);
    await new Promise((resolve) => setImmediate(resolve));
    const finish = { type: 'length' as const, length: 0 };
    const vector = Float32Array.of(0.5, 1);
    const outputs = ['x', 'y'].map((rid) => ({ rid, vector, promptTokens: 2, finish }));
    manager.handle({ type: 'vector_outputs', rank: 0, outputs });
    await reply;
    expect(lines.map(stampless)).toEqual([
      expect.stringMatching(
        /^Receive: obj=EmbeddingReqInput\(rid=\['x', 'y'\], text=\['a', 'b'\], input_ids=None\)/,
      ),
      expect.stringMatching(/^Finish: obj=EmbeddingReqInput\(rid='x', text='a', .*'embedding': \[0\.5, 1\]/),
      expect.stringMatching(/^Finish: obj=EmbeddingReqInput\(rid='y', text='b', /),
    ]);
    expect(scheduler.all('embed')).toHaveLength(2);
  });
});
