import { captureLog } from '../../capture-log';
import { BOS } from '../../tokenizer-manager/fixtures';
import { TestServer } from '../test-server';

const PATH = '/v1/completions';

let server: TestServer;
beforeEach(async () => {
  captureLog();
  server = await TestServer.start();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await server.close();
});

async function restart(options: Parameters<typeof TestServer.start>[0] = {}): Promise<void> {
  await server.close();
  server = await TestServer.start(options);
}

const ask = (body: object) => server.ask(PATH, { prompt: 'hi', ...body });
const choice = (index: number, text: string) => ({
  index,
  text,
  logprobs: null,
  finish_reason: 'length',
  matched_stop: null,
});

describe('a whole reply', () => {
  it("has the members of OpenAI's and SGLang's", async () => {
    expect(await ask({ max_tokens: 3, rid: 'r', model: 'mine' })).toEqual({
      status: 200,
      body: {
        id: 'r',
        object: 'text_completion',
        created: expect.any(Number),
        model: 'mine',
        choices: [choice(0, 'abc')],
        usage: {
          prompt_tokens: 3,
          total_tokens: 6,
          completion_tokens: 3,
          prompt_tokens_details: null,
          reasoning_tokens: 0,
          completion_tokens_details: { reasoning_tokens: 0 },
        },
        metadata: { weight_version: 'default' },
      },
    });
  });

  it('is 16 tokens long where nothing else is said', async () => {
    expect((await ask({})).body).toMatchObject({ usage: { completion_tokens: 16 } });
    await restart({ args: { preferredSamplingParams: { max_new_tokens: 2 } } });
    expect((await ask({})).body).toMatchObject({ usage: { completion_tokens: 2 } });
  });

  it.each([
    [
      'texts',
      ['a', 'bb'],
      [
        [BOS, 97],
        [BOS, 98, 98],
      ],
    ],
    ['token ids', [5, 6], [[5, 6]]],
    ['lists of token ids', [[5], [6, 7]], [[5], [6, 7]]],
  ])('answers prompts of %s', async (_, prompt, ids) => {
    const { body } = await ask({ prompt, max_tokens: 1, n: 1 });
    expect(server.scheduler.all('generate').map(({ inputIds }) => [...inputIds])).toEqual(ids);
    expect(body).toMatchObject({ choices: ids.map((_, i) => choice(i, 'a')) });
  });

  it('numbers choices over prompts and samples, and counts each prompt once', async () => {
    const { body } = await ask({ prompt: ['a', 'bb'], n: 2, max_tokens: 1 });
    expect(body).toMatchObject({
      choices: [0, 1, 2, 3].map((i) => choice(i, 'a')),
      usage: { prompt_tokens: 5, completion_tokens: 4 },
    });
  });

  it('echoes prompts, texts and ids alike', async () => {
    expect((await ask({ prompt: ['x', 'y'], n: 2, echo: true, max_tokens: 1 })).body).toMatchObject({
      choices: ['xa', 'xa', 'ya', 'ya'].map((text, i) => choice(i, text)),
    });
    expect((await ask({ prompt: [BOS, 120], echo: true, max_tokens: 1 })).body).toMatchObject({
      choices: [choice(0, 'xa')],
    });
  });

  it('has log-probabilities of the output, and of the prompt where it is echoed', async () => {
    expect((await ask({ logprobs: 1, max_tokens: 2 })).body).toMatchObject({
      choices: [
        {
          logprobs: {
            text_offset: [-1, -1],
            tokens: ['a', 'b'],
            token_logprobs: [-1, -1],
            top_logprobs: [expect.any(Object), expect.any(Object)],
          },
        },
      ],
    });
    expect((await ask({ logprobs: 0, echo: true, max_tokens: 1 })).body).toMatchObject({
      choices: [
        { text: 'hia', logprobs: { tokens: ['<s>', 'h', 'i', 'a'], token_logprobs: [null, -2, -2, -1] } },
      ],
    });
  });
});

describe('a stream', () => {
  it('gives each piece of text once, then the usage', async () => {
    const { events } = await server.stream(PATH, {
      prompt: 'hi',
      rid: 'r',
      model: 'mine',
      max_tokens: 2,
      stream: true,
      echo: true,
      stream_options: { include_usage: true },
    });
    const head = { id: 'r', object: 'text_completion', created: expect.any(Number) as number, model: 'mine' };
    expect(events).toEqual([
      { ...head, choices: [{ ...choice(0, 'hia'), finish_reason: null }], usage: null },
      { ...head, choices: [choice(0, 'b')], usage: null },
      { ...head, choices: [], usage: expect.objectContaining({ prompt_tokens: 3, completion_tokens: 2 }) },
      '[DONE]',
    ]);
  });

  it('gives log-probabilities with the tokens they belong to', async () => {
    const body = { prompt: 'hi', max_tokens: 3, logprobs: 1 };
    const { events } = await server.stream(PATH, { ...body, stream: true });
    type Event = { choices: { logprobs: { tokens: string[] } }[] };
    const tokens = events.slice(0, -1).flatMap((event) => (event as Event).choices[0]?.logprobs.tokens ?? []);
    expect(tokens).toEqual(['a', 'b', 'c']);
  });
});

describe('a bad request', () => {
  it.each<[object, string]>([
    [{ prompt: '' }, 'Prompt cannot be empty'],
    [{ prompt: [] }, 'Prompt cannot be empty'],
    [{ prompt: [[]] }, 'input_ids cannot be empty.'],
    [{ prompt: undefined }, 'prompt: must be a string, a list of strings'],
    [{ prompt: [1, 'a'] }, 'prompt: must be a string, a list of strings'],
    [{ prompt: [300] }, 'Token ID 300 is out of vocabulary'],
    [{ max_tokens: 0 }, 'max_tokens must be positive, got 0.'],
    [{ suffix: 'x' }, 'suffix is not available on this server.'],
    [{ best_of: 3 }, 'best_of other than n (1) is not available.'],
    [{ logprobs: 5000 }, 'top_logprobs_num must be in'],
    [{ logprobs: true }, 'logprobs: must be an integer'],
    [
      { response_format: { type: 'json_schema' } },
      'schema_ is required for json_schema response format request.',
    ],
    [
      { json_schema: '{}', regex: 'a' },
      'Only one of json_schema, regex, ebnf, or structural_tag can be set.',
    ],
    [{ rid: '' }, 'rid must have 1 to 256 characters'],
    [{ lora_path: 'x' }, 'lora_path is not available on this server.'],
    [{ prompt: ['a', 'b'], n: 1e6 }, 'n must be in [1, 128]'],
  ])('%j is refused before anything is sent', async (body, message) => {
    for (const stream of [false, true]) {
      expect(await ask({ stream, ...body })).toMatchObject({
        status: 400,
        body: { object: 'error', code: 400, error: { message: expect.stringContaining(message) } },
      });
    }
    expect(server.scheduler.all('generate')).toEqual([]);
  });

  it.each(['{', '[]', '"text"'])('%s is no body', async (text) => {
    expect((await server.ask(PATH, text)).status).toBe(400);
  });

  it('has another content type', async () => {
    const reply = await server.post(PATH, { prompt: 'hi' }, { headers: { 'content-type': 'text/plain' } });
    expect(reply.status).toBe(400);
  });
});
