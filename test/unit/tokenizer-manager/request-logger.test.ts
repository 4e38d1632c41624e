import type { ServerArgs } from '../../../src/server-args/server-args';
import {
  DEFAULT_GENERATE_REQUEST,
  TokenizerManager,
  type GenerateRequest,
} from '../../../src/tokenizer-manager';
import { captureLog } from '../capture-log';
import { FakeScheduler } from './fake-scheduler';
import { ByteTokenizer, FACTS, makeArgs } from './fixtures';

/** The log lines of one request that generates `ab`. */
async function logOf(args: Partial<ServerArgs>, request: Partial<GenerateRequest> = {}): Promise<string[]> {
  const lines = captureLog();
  try {
    const scheduler = new FakeScheduler();
    const manager = new TokenizerManager({
      args: makeArgs({ logRequests: true, ...args }),
      facts: { ...FACTS, contextLen: 10_000 },
      tokenizer: new ByteTokenizer(),
      toScheduler: scheduler,
    });
    scheduler.deliver = (message) => manager.handle(message);
    const body = { text: "it's", rid: 'r', samplingParams: { max_new_tokens: 2 }, ...request };
    const job = await manager.generate(
      { ...DEFAULT_GENERATE_REQUEST, ...body },
      new AbortController().signal,
    );
    await job.results();
    return lines;
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
