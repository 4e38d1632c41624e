import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundledModelPath } from '../../src/core/package';
import { generate, greedy, streamed } from './client';
import { launch, type Server } from './harness';

/** The model that ships with the project answers sensibly, and the README shows what it really says. */
const README = readFileSync(join(__dirname, '../../README.md'), 'utf8');

let server: Server;

beforeAll(async () => {
  server = await launch(['--model-path', bundledModelPath()]);
});

/** Fields that are different each time. */
const volatile = new Set(['id', 'e2e_latency', 'response_sent_to_client_ts', 'cached_tokens']);
const stable = (reply: object): unknown =>
  JSON.parse(JSON.stringify(reply, (key, value: unknown) => (volatile.has(key) ? undefined : value)));

test('the README’s example prints what the README says', async () => {
  const [, body] = /-d '(\{[^']*\})'/.exec(README) ?? [];
  const [, printed] = /```json\n([^`]*)```/.exec(README) ?? [];
  const reply = await generate(server, JSON.parse(body ?? '') as Record<string, unknown>);
  expect(stable(reply)).toEqual(stable(JSON.parse(printed ?? '') as object));
  expect(reply.text).toContain('Paris');
});

test.each([
  ['What is the capital of France?', /Paris/],
  ['The capital of Japan is', /Tokyo/],
  ['Who are you?', /sglang-node/],
  ['Is Paris the capital of Spain?', /^ ?No/],
  ['What is the opposite of hot?', /cold/],
])('%s', async (text, answer) => {
  const reply = await generate(server, { text, sampling_params: { ...greedy(48), ignore_eos: false } });
  expect(reply.text).toMatch(answer);
  expect(reply.meta_info.finish_reason).toMatchObject({ type: 'stop' });
});

test('streamed, it says the same', async () => {
  const body = {
    text: 'What is the capital of Italy?',
    sampling_params: { ...greedy(48), ignore_eos: false },
  };
  const whole = await generate(server, body);
  const chunks = await streamed(server, body);
  expect(chunks.at(-1)?.text).toBe(whole.text);
  expect(whole.text).toContain('Rome');
});

test.each([
  ['the README’s program', /```js\n(import OpenAI[^`]*)```/.exec(README)?.[1] ?? ''],
  ...['openai.mjs', 'responses.mjs', 'anthropic.mjs', 'ollama.mjs'].map((file) => [
    `examples/${file}`,
    readFileSync(join(__dirname, '../../examples', file), 'utf8'),
  ]),
])('%s prints Paris', async (_, program) => {
  const source = program.replace('http://127.0.0.1:30000', server.url);
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source]);
  expect(stdout.trim()).toBe('The capital of France is Paris.');
});
