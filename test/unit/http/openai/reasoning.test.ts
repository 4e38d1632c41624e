import type { ServerArgs } from '../../../../src/server-args/server-args';
import { captureLog } from '../../capture-log';
import { Folders } from '../../checkpoint/folders';
import { TestServer } from '../test-server';
import { makeChat } from './chat-template';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'hi' }];
const THINKING =
  "{{ messages[0].content }}>{{ '<think>' if enable_thinking is not defined or enable_thinking }}";
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

/** Has the model write `pieces`. */
async function write(pieces: readonly string[]): Promise<void> {
  await server.scheduler.until('generate');
  const [rid = ''] = server.scheduler.liveRids;
  for (const [i, text] of pieces.entries()) {
    server.scheduler.emit(rid, text, i === pieces.length - 1 ? { type: 'stop', matched: 257 } : null);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function whole(pieces: readonly string[], body: object = {}): Promise<unknown> {
  const reply = server.ask(PATH, { messages, ...body });
  await write(pieces);
  return (await reply).body;
}

async function deltas(pieces: readonly string[], body: object = {}): Promise<unknown[]> {
  const reply = server.stream(PATH, { messages, stream: true, ...body });
  await write(pieces);
  const events = (await reply).events.slice(1, -2) as { choices: { delta: object }[] }[];
  return events.map(({ choices }) => choices[0]?.delta);
}

const message = (reasoning_content: string | null, content: string) => ({
  choices: [{ message: { role: 'assistant', reasoning_content, content, tool_calls: null } }],
});

describe('with --reasoning-parser', () => {
  it('tells thought from answer, and counts its tokens', async () => {
    await start('qwen3');
    const reply = await whole(['<think>', 'hm', '</think>', 'Yes']);
    expect(reply).toMatchObject(message('hm', 'Yes'));
    // One token a letter: the thought, its marks, and the piece after which its end is known.
    expect(reply).toMatchObject({
      usage: {
        completion_tokens: 20,
        reasoning_tokens: 20,
        completion_tokens_details: { reasoning_tokens: 20 },
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

  it('reads the parser from the template under auto', async () => {
    await start('auto', THINKING);
    expect(await whole(['hm</think>Yes'])).toMatchObject(message('hm', 'Yes'));
  });
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
