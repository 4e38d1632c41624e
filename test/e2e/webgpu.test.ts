import OpenAI from 'openai';
import { bundledModelPath } from '../../src/core/package';
import { describeOnWebGpu } from '../webgpu';
import { generate, greedy } from './client';
import { launch, start, type Server } from './harness';

const QUESTION = [{ role: 'user' as const, content: 'What is the capital of France?' }];
const FLAGS = ['--model-path', bundledModelPath(), '--max-running-requests', '3', '--cuda-graph-bs', '1'];
const ON_DEVICE = ['--device', 'webgpu', '--max-total-tokens', '2048'];

/** Software devices compile their kernels for most of a minute, unless they have done so before. */
const START_LIMIT_MS = 180_000;

describeOnWebGpu('a server on a device of WebGPU', () => {
  let cpu: Server;
  let device: Server;
  beforeAll(async () => {
    cpu = await launch(FLAGS);
    device = await start([...FLAGS, ...ON_DEVICE]);
    await device.ready(START_LIMIT_MS);
  }, START_LIMIT_MS);

  /** Greedy tokens of some texts, asked for at once. */
  const ask = (server: Server) =>
    Promise.all(
      ['The capital of Japan is', 'What is the opposite of hot?', 'Who are you?'].map((text) =>
        generate(server, { text, sampling_params: greedy(6) }),
      ),
    );
  const ids = (replies: Awaited<ReturnType<typeof ask>>) => replies.map(({ output_ids }) => output_ids);

  const client = (server: Server) =>
    new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });

  test('says what the CPU says, whole and streamed', async () => {
    const body = { model: 'default', messages: QUESTION, temperature: 0, max_tokens: 12 };
    const expected = await client(cpu).chat.completions.create(body);
    const whole = await client(device).chat.completions.create(body);
    expect(whole.choices[0]?.message).toEqual(expected.choices[0]?.message);
    expect(whole.choices[0]?.message.content).toContain('Paris');
    let text = '';
    for await (const chunk of await client(device).chat.completions.create({ ...body, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(whole.choices[0]?.message.content);
  });

  test('requests beside each other, and from the cache, get the greedy tokens of the CPU', async () => {
    const expected = ids(await ask(cpu));
    expect(ids(await ask(device))).toEqual(expected);
    const again = await ask(device);
    expect(ids(again)).toEqual(expected);
    expect(again.every(({ meta_info }) => meta_info.cached_tokens > 0)).toBe(true);
  });

  test(
    'in float16 they get them as well',
    async () => {
      const half = await start([...FLAGS, ...ON_DEVICE, '--dtype', 'half']);
      const refusal = '--dtype half: this device does not compute in float16';
      await half.ready(START_LIMIT_MS).catch((error: Error) => expect(error.message).toContain(refusal));
      if (half.stderr.includes(refusal)) {
        process.stderr.write('skipped: a server in float16 (the device does not compute in it)\n');
        return;
      }
      expect(half.stderr).toContain('KV cache dtype: float16');
      expect(ids(await ask(half))).toEqual(ids(await ask(cpu)));
    },
    START_LIMIT_MS,
  );

  test('a client that leaves leaves a server that goes on', async () => {
    const gone = new AbortController();
    const body = { model: 'default', messages: QUESTION, temperature: 0, max_tokens: 300 };
    const stream = await client(device).chat.completions.create(
      { ...body, stream: true, ...{ ignore_eos: true } },
      { signal: gone.signal },
    );
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    gone.abort();
    await device.idle();
    expect((await device.fetch('/flush_cache', { method: 'POST' })).status).toBe(200);
    const reply = await generate(device, { text: 'The capital of Japan is', sampling_params: greedy(3) });
    expect(reply.output_ids).toHaveLength(3);
  });
});

test('without a driver the server ends with a line that says what to do, and nobody stays', async () => {
  const nowhere = '/nowhere.json';
  const server = await start(['--device', 'webgpu'], { VK_DRIVER_FILES: nowhere, VK_ICD_FILENAMES: nowhere });
  expect(await server.exit()).not.toBe(0);
  const said = /--device webgpu cannot be used: .* \(it needs a Vulkan driver/;
  expect(server.stderr.split('\n').filter((line) => said.test(line))).toHaveLength(1);
  await server.gone();
});
