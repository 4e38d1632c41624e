import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { TestServer } from '../test-server';
import { makeChat } from '../chat/chat-template';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hi' }];
const THINKING =
  "{{ messages[0].content }}>{{ '<think>' if enable_thinking is not defined or enable_thinking }}";
interface Continued {
  readonly continued?: string;
}
const folders = new Folders();
afterAll(() => folders.removeAll());

let server: TestServer;
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function start(
  reasoningParser: ServerArgs['reasoningParser'],
  template = '{{ messages[0].content }}>',
) {
  captureLog();
  server = await TestServer.start({ args: { reasoningParser }, chat: await makeChat(folders, {}, template) });
  server.scheduler.isHolding = true;
}

async function whole(pieces: readonly string[], body: object = {}): Promise<unknown> {
  const reply = server.ask(PATH, { messages, ...body });
  await server.write(pieces);
  return (await reply).body;
}

async function deltas(pieces: readonly string[], body: object = {}): Promise<unknown[]> {
  const reply = server.stream(PATH, { messages, stream: true, ...body });
  await server.write(pieces);
  const events = (await reply).events.slice(1, -2) as { choices: { delta: object }[] }[];
  return events.map(({ choices }) => choices[0]?.delta);
}

const message = (reasoning_content: string | null, content: string) => ({
  choices: [{ message: { role: 'assistant', reasoning_content, content, tool_calls: null } }],
});

describe('with --reasoning-parser', () => {
  it('tells thought from answer, and says what the scheduler counts as thought', async () => {
    await start('qwen3');
    const asked = server.ask(PATH, { messages });
    await server.scheduler.until('generate');
    const [rid = ''] = server.scheduler.liveRids;
    const end = { type: 'stop', matched: 257 } as const;
    server.scheduler.emit(rid, '<think>hm</think>Yes', end, { reasoningTokens: 17 });
    const { body } = await asked;
    expect(body).toMatchObject(message('hm', 'Yes'));
    expect(body).toMatchObject({
      usage: {
        completion_tokens: 20,
        reasoning_tokens: 17,
        completion_tokens_details: { reasoning_tokens: 17 },
      },
    });
  });

  it('leaves an answer without thoughts alone', async () => {
    await start('qwen3');
    expect(await whole(['Yes'])).toMatchObject({ ...message(null, 'Yes'), usage: { reasoning_tokens: 0 } });
  });

  it('begins inside the thought where the prompt does, and outside where the request turns it off', async () => {
    await start('qwen3', THINKING);
    expect(await whole(['hm</think>Yes'])).toMatchObject(message('hm', 'Yes'));
    server.scheduler.received.length = 0;
    expect(await whole(['Yes'], { chat_template_kwargs: { enable_thinking: false } })).toMatchObject(
      message(null, 'Yes'),
    );
    server.scheduler.received.length = 0;
    expect(await whole(['Yes'], { reasoning_effort: 'none' })).toMatchObject(message(null, 'Yes'));
  });

  it('goes on with a thought that was begun', async () => {
    await start('qwen3');
    const begun = [...messages, { role: 'assistant', content: '<think>h' }];
    expect(await whole(['m</think>Yes'], { messages: begun, continue_final_message: true })).toMatchObject(
      message('m', 'Yes'),
    );
  });

  it('streams both, without the marks, wherever these are cut', async () => {
    await start('qwen3');
    expect(await deltas(['<thi', 'nk>h', 'm</th', 'ink>Y', 'es'])).toEqual([
      { reasoning_content: 'h' },
      { reasoning_content: 'm' },
      { content: 'Y', reasoning_content: null },
      { content: 'es', reasoning_content: null },
    ]);
  });

  it('gives the whole thought at once under stream_reasoning false, also where it never ends', async () => {
    await start('deepseek-r1');
    expect(await deltas(['h', 'm', '</think>', 'Yes'], { stream_reasoning: false })).toEqual([
      { reasoning_content: 'hm' },
      { content: 'Yes', reasoning_content: null },
    ]);
    server.scheduler.received.length = 0;
    expect(await deltas(['h', 'm'], { stream_reasoning: false })).toEqual([{ reasoning_content: 'hm' }]);
  });

  it('touches nothing under separate_reasoning false', async () => {
    await start('qwen3');
    expect(await whole(['<think>hm</think>Yes'], { separate_reasoning: false })).toMatchObject(
      message(null, '<think>hm</think>Yes'),
    );
  });

  it.each<[string, string, object, object | null]>([
    ['begun by the prompt', THINKING, {}, { isBegun: true, budget: null, isGrammarAfter: false }],
    ['before an answer of some form', THINKING, { regex: 'a' }, { isGrammarAfter: true }],
    ['not begun', '{{ messages[0].content }}>', {}, { isBegun: false }],
    ['ended by the prompt', '{{ messages[0].content }}<think>\n\n</think>\n', {}, null],
    ['with a budget', THINKING, { custom_params: { thinking_budget: 7 } }, { budget: 7 }],
    ['with a budget of another name', THINKING, { thinking_token_budget: 7 }, { budget: 7 }],
    ['with a budget of a third name', THINKING, { max_thinking_tokens: 7 }, { budget: 7 }],
    ['without limit', THINKING, { thinking_budget: -1 }, { budget: null }],
    ['continued', '{{ messages[0].content }}>', { continued: '<think>h' }, { isBegun: true }],
    ['continued after their end', THINKING, { continued: 'h</think>' }, null],
  ])(
    'tells the scheduler of thoughts %s',
    async (_, template, { continued, ...body }: Continued, expected) => {
      await start('qwen3', template);
      const begun = { messages: [...messages, { role: 'assistant', content: continued }] };
      const more = continued === undefined ? {} : { ...begun, continue_final_message: true };
      await whole(['x'], { ...body, ...more });
      const [{ thinking } = { thinking: undefined }] = server.scheduler.all('generate');
      if (expected === null) expect(thinking).toBeNull();
      else expect(thinking).toMatchObject(expected);
    },
  );

  it('splits what a grammar holds as well, only at the end mark', async () => {
    await start('glm45', THINKING);
    const grammar = { regex: '[a-z]+' };
    expect(await whole(['<tool_call>hm</think>yes'], grammar)).toMatchObject(message('<tool_call>hm', 'yes'));
  });

  it('reads the parser from the template under auto', async () => {
    await start('auto', THINKING);
    expect(await whole(['hm</think>Yes'])).toMatchObject(message('hm', 'Yes'));
  });
});

it.each<[string, object]>([
  [PATH, { messages, thinking_budget: 5 }],
  ['/generate', { text: 'a', max_thinking_tokens: 5 }],
  ['/generate', { text: 'a', require_reasoning: true }],
])('without it what concerns thoughts is refused: %s %j', async (path, body) => {
  await start(null);
  const { status, body: reply } = await server.ask(path, body);
  expect(status).toBe(400);
  expect(JSON.stringify(reply)).toContain('--reasoning-parser');
});

it('without it an answer is what the model wrote', async () => {
  await start(null);
  expect(await whole(['<think>hm</think>Yes'])).toMatchObject(message(null, '<think>hm</think>Yes'));
});

describe('/separate_reasoning', () => {
  it('splits a text', async () => {
    await start(null);
    const ask = (body: object) => server.ask('/separate_reasoning', body);
    expect(await ask({ text: 'hm</think>Yes', reasoning_parser: 'deepseek-r1' })).toEqual({
      status: 200,
      body: { reasoning_text: 'hm', text: 'Yes' },
    });
    expect(await ask({ text: 'x', reasoning_parser: 'nobody' })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('must be one of deepseek-r1') } },
    });
  });
});
