import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { expectClean, generate, generateAll, outcome, promptIds } from './client';
import { launch, TEST_MODEL, type Server } from './harness';

/**
 * Grammars, forced calls and budgets after thoughts: a model of random weights whose template begins thoughts. Once the end of
 * thoughts takes it several tokens, once one.
 */

const TEMPLATE =
  '{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n<think>\n' +
  '{% if enable_thinking is defined and not enable_thinking %}\n</think>\n\n{% endif %}';
const FLAGS = ['--constrained-json-disable-any-whitespace', '--reasoning-parser', 'qwen3'];

const folder = mkdtempSync(join(tmpdir(), 'thinking-'));
const template = join(folder, 'think.jinja');
const oneToken = join(folder, 'model');
/** Stands for the end of thoughts in `oneToken`. */
const END = 509;

beforeAll(() => {
  writeFileSync(template, TEMPLATE);
  cpSync(TEST_MODEL, oneToken, { recursive: true });
  rewrite('tokenizer.json', (text) => {
    const definition = JSON.parse(text) as {
      added_tokens: { id: number; content: string; special: boolean }[];
    };
    for (const token of definition.added_tokens) {
      if (token.id === END) Object.assign(token, { content: '</think>', special: false });
    }
    return JSON.stringify(definition);
  });
  rewrite('tokenizer_config.json', () => '{}');
  rewrite('generation_config.json', () => '{"eos_token_id": 511}');
});
function rewrite(name: string, change: (text: string) => string): void {
  const path = join(oneToken, name);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const messages = [{ role: 'user' as const, content: 'Who are you?' }];
const schema = {
  type: 'object',
  properties: { name: { type: 'string', pattern: '^[a-z]{1,6}$' }, age: { enum: [1, 2, 3] } },
  required: ['name', 'age'],
};
const response_format = { type: 'json_schema' as const, json_schema: { name: 'person', schema } };
const tools = [{ type: 'function' as const, function: { name: 'meet', parameters: schema } }];
const person = { name: expect.stringMatching(/^[a-z]{1,6}$/) as string, age: expect.any(Number) as number };

type Answer = OpenAI.ChatCompletion.Choice['message'] & { reasoning_content: string | null };

describe.each([
  ['an end of several tokens', TEST_MODEL],
  ['an end of one token', oneToken],
])('with %s', (_, model) => {
  let server: Server;
  let client: OpenAI;
  let endTokens: number;
  beforeAll(async () => {
    const env = { SGLANG_TEST_RETRACT: '1', SGLANG_TEST_RETRACT_INTERVAL: '7' };
    server = await launch([...FLAGS, '--model-path', model, '--chat-template', template], env);
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });
    const { tokens } = (await (await server.post('/tokenize', { prompt: '</think>' })).json()) as {
      tokens: number[];
    };
    endTokens = tokens.length;
  });

  const ask = (params: object) =>
    client.chat.completions.create({
      model: 'default',
      messages,
      max_tokens: 120,
      seed: 3,
      ...params,
      stream: false,
    });
  const answer = ({ choices }: OpenAI.ChatCompletion, i = 0) => choices[i]?.message as Answer;

  test('a schema holds after the thoughts, which end with their budget', async () => {
    const reply = await ask({ response_format, thinking_budget: 9, n: 3 });
    for (const [i, { finish_reason }] of reply.choices.entries()) {
      expect(finish_reason).toBe('stop');
      const { reasoning_content, content } = answer(reply, i);
      expect(reasoning_content).toMatch(/[^]/);
      expect(JSON.parse(content ?? '')).toEqual(person);
    }
    expect(new Set(reply.choices.map(({ message }) => message.content)).size).toBeGreaterThan(1);
    expect(reply.usage?.completion_tokens_details?.reasoning_tokens).toBe(3 * (9 + endTokens));
  });

  test('a stream is what the whole is', async () => {
    const whole = answer(await ask({ response_format, thinking_budget: 9 }));
    const stream = await client.chat.completions.create({
      ...{ model: 'default', messages, max_tokens: 120, seed: 3, response_format },
      ...{ thinking_budget: 9, stream_options: { include_usage: true } },
      stream: true,
    });
    const texts = { reasoning_content: '', content: '' };
    let reasoningTokens: number | undefined;
    for await (const chunk of stream) {
      const delta = (chunk.choices[0]?.delta ?? {}) as Partial<Answer>;
      texts.reasoning_content += delta.reasoning_content ?? '';
      texts.content += delta.content ?? '';
      reasoningTokens = chunk.usage?.completion_tokens_details?.reasoning_tokens ?? reasoningTokens;
    }
    expect(texts).toEqual({ reasoning_content: whole.reasoning_content, content: whole.content });
    expect(reasoningTokens).toBe(9 + endTokens);
  });

  test('thoughts that never end are cut by the length', async () => {
    const reply = await ask({ response_format, max_tokens: 40, logit_bias: { [END]: -100 } });
    expect(reply.choices[0]?.finish_reason).toBe('length');
    expect(answer(reply).content).toBe('');
    expect(reply.usage?.completion_tokens_details?.reasoning_tokens).toBe(40);
  });

  test('where thinking is off the grammar holds at once', async () => {
    const chat_template_kwargs = { enable_thinking: false };
    const reply = await ask({ response_format, chat_template_kwargs, thinking_budget: 9 });
    expect(answer(reply).reasoning_content).toBeNull();
    expect(JSON.parse(answer(reply).content ?? '')).toEqual(person);
    expect(reply.usage?.completion_tokens_details?.reasoning_tokens).toBe(0);
  });

  test.each(['required', { type: 'function', function: { name: 'meet' } }])(
    'calls that are forced come after the thoughts: %j',
    async (tool_choice) => {
      const reply = await ask({ tools, tool_choice, parallel_tool_calls: false, thinking_budget: 4 });
      const { tool_calls, reasoning_content, content } = answer(reply);
      expect(reply.choices[0]?.finish_reason).toBe('tool_calls');
      expect(reasoning_content).toMatch(/[^]/);
      expect(content).toBeNull();
      const [call] = tool_calls as OpenAI.ChatCompletionMessageFunctionToolCall[];
      expect(JSON.parse(call?.function.arguments ?? '')).toEqual(person);
    },
  );

  test('requests answer in a batch, retracted, as they do alone', async () => {
    const text = 'Who?<think>';
    const sampling = [
      { regex: '[a-z]{20}', custom_params: { thinking_budget: 11 } },
      { custom_params: { thinking_budget: 3 } },
      { regex: '[0-9]{30}' },
      {},
    ].map((params, i) => ({ max_new_tokens: 60, temperature: 1, sampling_seed: i, ...params }));
    const alone = [];
    for (const sampling_params of sampling) {
      alone.push(await generate(server, { text, sampling_params, require_reasoning: true }));
    }
    const body = { text: sampling.map(() => text), sampling_params: sampling, require_reasoning: true };
    const together = await generateAll(server, body);
    expect(together.map((reply) => outcome(reply))).toEqual(alone.map((reply) => outcome(reply)));
    expect(Math.max(...together.map(({ meta_info }) => meta_info.total_retractions))).toBeGreaterThan(0);
    const [first, second] = together;
    expect(first?.text).toMatch(/^[^]*<\/think>[a-z]{20}$/);
    expect(first?.meta_info).toMatchObject({ reasoning_tokens: 11 + endTokens });
    expect(second?.meta_info).toMatchObject({ reasoning_tokens: 3 + endTokens, completion_tokens: 60 });
  });

  test('/generate: a grammar holds at once unless require_reasoning says otherwise', async () => {
    const sampling_params = { regex: '[a-z]{4}', max_new_tokens: 50, sampling_seed: 2 };
    const body = { input_ids: promptIds(6), sampling_params };
    expect((await generate(server, body)).text).toMatch(/^[a-z]{4}$/);
    const required = { ...body, require_reasoning: true };
    const { text } = await generate(server, { ...required, max_thinking_tokens: 3 });
    expect(text).toMatch(/^[^]+<\/think>[a-z]{4}$/);
    const params = { ...sampling_params, custom_params: { thinking_budget: 3 } };
    expect((await generate(server, { ...required, sampling_params: params })).text).toBe(text);
  });

  test('tokens that had to come have a log-probability of 0', async () => {
    const reply = await ask({ thinking_budget: 2, max_tokens: 2 + endTokens, logprobs: true });
    const logprobs = reply.choices[0]?.logprobs?.content?.map(({ logprob }) => logprob) ?? [];
    expect(logprobs.slice(2)).toEqual(Array.from({ length: endTokens }, () => 0));
    expect(logprobs[0]).toBeLessThan(0);
  });

  test('nothing is left behind', () => expectClean(server));
});

test('thoughts that the model ends itself', async () => {
  const server = await launch([...FLAGS, '--model-path', oneToken, '--chat-template', template]);
  const body = { messages, response_format, max_tokens: 200, logit_bias: { [END]: 3 }, seed: 1 };
  const reply = (await (await server.post('/v1/chat/completions', body)).json()) as OpenAI.ChatCompletion;
  const { reasoning_content, content } = reply.choices[0]?.message as Answer;
  expect(JSON.parse(content ?? '')).toEqual(person);
  expect(reasoning_content).not.toBeNull();
});
