import { copyFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { byteLevelTokenizer, gguf } from '../gguf';
import { converted } from '../gguf-conversion';
import { answer, expectClean, generate, greedy } from './client';
import { launch, start, type Server } from './harness';

const DEMO = resolve(__dirname, '../../models/demo-chat');
const LLAMA = resolve(__dirname, '../model/checkpoints/llama-head-dim-8');
const folder = mkdtempSync(join(tmpdir(), 'gguf-'));
const file = join(folder, 'demo.gguf');
writeFileSync(file, gguf(converted(DEMO, byteLevelTokenizer(DEMO, 'qwen2'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROMPTS = ['Once upon a time', 'I have 2 cats  and', 'Ünïcode 日本 🙂'];
const CHAT = {
  model: 'm',
  messages: [{ role: 'user', content: 'What is the capital of France?' }],
  temperature: 0,
  max_tokens: 24,
};

async function voice(server: Server): Promise<unknown> {
  const replies = [];
  for (const text of PROMPTS) {
    const {
      text: output,
      output_ids,
      meta_info,
    } = await generate(server, {
      text,
      sampling_params: greedy(24),
      return_logprob: true,
    });
    replies.push({ output, output_ids, logprobs: meta_info.output_token_logprobs });
  }
  const chat = (await answer(server.post('/v1/chat/completions', CHAT))) as { body?: { choices: unknown } };
  return { replies, choices: chat.body?.choices };
}

/** The weights of a checkpoint's first queries, as a server gives them. */
const queries = (server: Server) =>
  answer(
    server.post('/get_weights_by_name', { name: 'model.layers.0.self_attn.q_proj.weight', truncate_size: 4 }),
  );

/** What a server that does not start says last. */
async function lastWords(...args: string[]): Promise<string> {
  const server = await start(args);
  await server.exit();
  return server.stderr;
}

describe('a server of a GGUF file', () => {
  let server: Server;
  let expected: unknown;
  beforeAll(async () => {
    const original = await launch(['--model-path', DEMO]);
    expected = await voice(original);
    await original.stop();
    server = await launch(['--model-path', file]);
  }, 120_000);
  afterEach(() => expectClean(server));

  it('answers as one of its checkpoint, to the bit', async () => {
    expect(await voice(server)).toEqual(expected);
  });

  it('says what it serves', async () => {
    const info = (await (await server.fetch('/model_info')).json()) as Record<string, unknown>;
    expect(info).toMatchObject({
      model_path: file,
      model_type: 'qwen2',
      architectures: ['Qwen2ForCausalLM'],
    });
    const shown = (await (await server.post('/api/show', { model: file })).json()) as { details: object };
    expect(shown.details).toMatchObject({ format: 'gguf', quantization_level: 'BF16' });
  });

  it('takes weights of a folder and of a file in turn', async () => {
    for (const model_path of [DEMO, file]) {
      const reply = await answer(server.post('/update_weights_from_disk', { model_path }));
      expect(JSON.stringify(reply)).toContain('Succeeded to update model weights.');
      expect(await voice(server)).toEqual(expected);
    }
    const damaged = join(folder, 'damaged');
    copyFileSync(file, damaged);
    truncateSync(damaged, 1_000_000);
    const reply = await answer(server.post('/update_weights_from_disk', { model_path: damaged }));
    expect(JSON.stringify(reply)).toContain('(truncated?)');
    await server.post('/flush_cache', {});
    expect(await voice(server)).toEqual(expected);
    rmSync(damaged);
  });
});

it('gives weights as a checkpoint has them, whose rows the file orders in another way', async () => {
  const llama = join(folder, 'llama');
  writeFileSync(llama, gguf(converted(LLAMA)));
  const answers = [];
  for (const path of [LLAMA, llama]) {
    const server = await launch(['--model-path', path, '--skip-tokenizer-init']);
    answers.push(await queries(server));
    await server.stop();
  }
  expect(JSON.stringify(answers[0]).length).toBeGreaterThan(100);
  expect(answers[1]).toEqual(answers[0]);
  rmSync(llama);
}, 120_000);

it('is found in a folder that holds nothing else, and named where there are several', async () => {
  const server = await launch(['--model-path', folder, '--load-format', 'gguf']);
  await server.stop();
  const other = join(folder, 'other.gguf');
  copyFileSync(file, other);
  expect(await lastWords('--model-path', folder)).toContain(
    "holds 2 .gguf files ('demo.gguf', 'other.gguf')",
  );
  truncateSync(other, 5000);
  expect(await lastWords('--model-path', other)).toMatch(/other\.gguf: .*truncated/);
  expect(await lastWords('--model-path', file, '--load-format', 'safetensors')).toContain('is a GGUF file');
  expect(await lastWords('--model-path', DEMO, '--load-format', 'gguf')).toContain('no .gguf file');
  rmSync(other);
}, 120_000);

it('is quantized to int8 like any checkpoint', async () => {
  const flags = ['--quantization', 'w8a8_int8'];
  const voices = [];
  for (const path of [DEMO, file]) {
    const server = await launch(['--model-path', path, ...flags], {
      SGLANG_CACHE_DIR: join(folder, 'cache'),
    });
    voices.push(await voice(server));
    await server.stop();
  }
  expect(voices[1]).toEqual(voices[0]);
}, 180_000);
