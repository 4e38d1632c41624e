import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { Copies, scramble, Weights } from './checkpoints';
import { answer, expectClean, generate, greedy, outcome, promptIds, Stream, type Reply } from './client';
import { launch, TEST_MODEL, type Server } from './harness';

const copies = new Copies();
const SUCCESS = 'Succeeded to update model weights.';

const update = (server: Server, body: object) => answer(server.post('/update_weights_from_disk', body));
const modelInfo = async (server: Server) =>
  (await (await server.fetch('/model_info')).json()) as { model_path: string; weight_version: string };

/** What a model says of a few prompts, to the bit. */
async function voice(server: Server): Promise<unknown> {
  const replies = [];
  for (let seed = 0; seed < 3; seed++) {
    const { output_ids, meta_info } = await generate(server, {
      input_ids: promptIds(40, seed),
      sampling_params: greedy(24),
      return_logprob: true,
      top_logprobs_num: 3,
    });
    replies.push({ output_ids, logprobs: meta_info.output_top_logprobs });
  }
  return replies;
}

const streams = (server: Server, count: number, tokens: number) =>
  Promise.all(
    Array.from({ length: count }, (_, seed) =>
      Stream.open(server, { input_ids: promptIds(30, seed), sampling_params: greedy(tokens) }),
    ),
  );

const rss = (pid: number): number => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
};

describe('/update_weights_from_disk', () => {
  const other = copies.make('other', scramble);
  let server: Server;
  let original: unknown;
  let changed: unknown;

  beforeAll(async () => {
    const fresh = await launch(['--model-path', other]);
    changed = await voice(fresh);
    await fresh.stop();
    server = await launch();
    original = await voice(server);
    expect(changed).not.toEqual(original);
  }, 120_000);
  afterEach(async () => {
    // A test that fails while the server is paused takes none of the others with it.
    await server.post('/continue_generation', {});
    await expectClean(server);
    await update(server, { model_path: TEST_MODEL, weight_version: 'default' });
    await expectClean(server);
  });

  test('serves what a fresh server of the new weights serves, to the bit, and goes back', async () => {
    expect(await update(server, { model_path: other })).toEqual({
      status: 200,
      body: { success: true, message: SUCCESS, num_paused_requests: 0 },
    });
    expect(await modelInfo(server)).toMatchObject({ model_path: other, weight_version: 'default' });
    expect(await voice(server)).toEqual(changed);
    const { data } = (await (await server.fetch('/v1/models')).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual([other]);
    const tags = (await (await server.fetch('/api/tags')).json()) as { models: { name: string }[] };
    expect(tags.models[0]?.name).toBe(other);

    expect(await update(server, { model_path: TEST_MODEL })).toMatchObject({ status: 200 });
    expect(await voice(server)).toEqual(original);
    expect(await update(server, { model_path: TEST_MODEL })).toMatchObject({ status: 200 });
    expect(await voice(server)).toEqual(original);
    expect(server.stderr).toContain('Update engine weights online from disk begin. avail mem=');
    expect(server.stderr).toContain('Update weights end.');
  }, 60_000);

  test('takes the same weights in float32, and weights without a config.json', async () => {
    const wide = copies.make('wide', scramble);
    const file = join(wide, 'model.safetensors');
    writeFileSync(file, new Weights(file).widen());
    rmSync(join(wide, 'config.json'));
    expect(await update(server, { model_path: wide })).toMatchObject({ status: 200 });
    expect(await voice(server)).toEqual(changed);
  });

  test('drops what was cached under the old weights', async () => {
    const body = { input_ids: promptIds(200, 5), sampling_params: greedy(1) };
    await generate(server, body);
    expect((await generate(server, body)).meta_info.cached_tokens).toBe(199);
    await update(server, { model_path: other });
    expect((await generate(server, body)).meta_info.cached_tokens).toBe(0);
  });

  test('under 16 streams loses none: they end under the old weights, those that come meanwhile under the new', async () => {
    const alone = await generate(server, { input_ids: promptIds(30, 0), sampling_params: greedy(400) });
    const running = await streams(server, 16, 400);
    await Promise.all(running.map((stream) => stream.until()));
    const updated = update(server, { model_path: other, weight_version: 'v2' });
    await server.logged('Update engine weights online from disk begin');
    const ends = Promise.all(running.map((stream) => stream.rest()));
    await sleep(300);
    const late = generate(server, { input_ids: promptIds(30, 0), sampling_params: greedy(400) });
    const finals = await ends;
    expect(await updated).toMatchObject({
      body: { success: true, message: `${SUCCESS} Weight version updated to v2.`, num_paused_requests: 0 },
    });
    for (const { meta_info, output_ids } of finals) {
      expect(meta_info.finish_reason).toEqual({ type: 'length', length: 400 });
      expect(output_ids).toHaveLength(400);
      expect(meta_info).toMatchObject({ weight_version: 'default', total_retractions: 0 });
    }
    expect(finals[0]?.output_ids).toEqual(alone.output_ids);
    const under = await late;
    expect(under.meta_info.weight_version).toBe('v2');
    expect(under.output_ids).not.toEqual(alone.output_ids);
  }, 120_000);

  test.each(['retract', 'in_place'])(
    'in a server that is paused (%s) requests go on under the new weights',
    async (mode) => {
      const running = await streams(server, 16, 1500);
      await Promise.all(running.map((stream) => stream.until()));
      await server.post('/pause_generation', { mode });
      const { body } = await update(server, { model_path: other, weight_version: 'v2' });
      expect(body).toEqual({
        success: true,
        message: `${SUCCESS} Weight version updated to v2.`,
        num_paused_requests: 16,
      });
      await server.post('/continue_generation', {});
      for (const { meta_info, output_ids } of await Promise.all(running.map((stream) => stream.rest()))) {
        expect(meta_info.finish_reason).toEqual({ type: 'length', length: 1500 });
        expect(output_ids).toHaveLength(1500);
        expect(meta_info).toMatchObject({ weight_version: 'v2', total_retractions: 1 });
      }
      expect(await voice(server)).toEqual(changed);
    },
    120_000,
  );

  test('keeps keys and values with flush_cache false: requests in place are not computed anew', async () => {
    const [stream] = (await streams(server, 1, 1500)) as [Stream];
    await stream.until();
    await server.post('/pause_generation', { mode: 'in_place' });
    expect(await update(server, { model_path: other, flush_cache: false })).toMatchObject({ status: 200 });
    await server.post('/continue_generation', {});
    const end = await stream.rest();
    expect(end.meta_info).toMatchObject({ total_retractions: 0, finish_reason: { type: 'length' } });
    const again = await generate(server, { input_ids: promptIds(30, 0), sampling_params: greedy(1) });
    expect(again.meta_info.cached_tokens).toBe(29);
  });

  test('abort_all_requests ends those that run, and keep_pause holds the next', async () => {
    const [stream] = (await streams(server, 1, 1500)) as [Stream];
    await stream.until();
    const reply = await update(server, { model_path: other, abort_all_requests: true, keep_pause: true });
    expect(reply).toMatchObject({ status: 200, body: { success: true } });
    expect((await stream.rest()).meta_info.finish_reason).toMatchObject({ type: 'abort' });
    let isDone = false;
    const held = generate(server, { input_ids: promptIds(9), sampling_params: greedy(2) });
    void held.then(() => (isDone = true));
    await sleep(500);
    expect(isDone).toBe(false);
    await server.post('/continue_generation', {});
    expect((await held).output_ids).toHaveLength(2);
  });

  describe('refuses, and serves on with the weights it has', () => {
    const file = (dir: string) => join(dir, 'model.safetensors');
    const NORM = 'model.layers.1.input_layernorm.weight';
    const cases: [string, () => string, RegExp][] = [
      [
        'a name that is nowhere',
        () => 'qwen/qwen2.5-0.5b-instruct-wrong',
        /^Failed to get weights iterator: qwen\/qwen2\.5-0\.5b-instruct-wrong \(repository not found\)\.$/,
      ],
      ['a file', () => file(other), /^Failed to get weights iterator: .* \(repository not found\)\.$/],
      [
        'a folder that is no model',
        () => __dirname,
        /^Failed to get weights iterator: .*no model\.safetensors/,
      ],
      [
        'another architecture',
        () => join(TEST_MODEL, '../qwen3'),
        /^Failed to update weights: .*architecture is Qwen3ForCausalLM.*\.\nRolling back to original weights\.$/s,
      ],
      [
        'other sizes',
        () => copies.configure(copies.make('layers', scramble), { num_hidden_layers: 1 }),
        /'num_hidden_layers' is 1, and the model that is served has 2/,
      ],
      [
        'another computation',
        () => copies.configure(copies.make('theta', scramble), { rope_theta: 500_000 }),
        /describes another computation/,
      ],
      [
        'another shape',
        () =>
          copies.make('shape', (weights) => {
            weights.entry('model.layers.0.mlp.down_proj.weight').shape = [128, 64];
          }),
        /'model\.layers\.0\.mlp\.down_proj\.weight' has shape \[128, 64\], expected \[64, 128\]/,
      ],
      [
        'a tensor that is missing',
        () =>
          copies.make('missing', (weights) => {
            weights.header['renamed'] = weights.entry(NORM);
            delete weights.header[NORM];
          }),
        /'model\.layers\.1\.input_layernorm\.weight' is missing/,
      ],
      [
        'a type that is not computed with',
        () =>
          copies.make('integers', (weights) => {
            weights.entry(NORM).dtype = 'I16';
          }),
        /unsupported type I16/,
      ],
      [
        'a file that is cut off',
        () => {
          const dir = copies.make('cut', scramble);
          truncateSync(file(dir), statSync(file(dir)).size - 1000);
          return dir;
        },
        /^Failed to get weights iterator: .*ends \d+ bytes after the file/,
      ],
      [
        'a file of something else',
        () => {
          const dir = copies.make('noise', scramble);
          writeFileSync(file(dir), 'this is not a checkpoint at all');
          return dir;
        },
        /^Failed to get weights iterator: .*header of \d+ bytes does not fit/,
      ],
    ];

    test.each(cases)('%s', async (_, make, message) => {
      const before = await modelInfo(server);
      const { status, body } = await update(server, { model_path: make(), weight_version: 'never' });
      expect(status).toBe(400);
      expect(body).toEqual({
        success: false,
        message: expect.stringMatching(message) as string,
        num_paused_requests: 0,
      });
      expect(await modelInfo(server)).toEqual(before);
      expect(await voice(server)).toEqual(original);
    });

    test('while streams run, which hear nothing of it', async () => {
      const running = await streams(server, 4, 200);
      await Promise.all(running.map((stream) => stream.until()));
      const { status } = await update(server, { model_path: join(TEST_MODEL, '../qwen3') });
      expect(status).toBe(400);
      for (const end of await Promise.all(running.map((stream) => stream.rest()))) {
        expect(end.output_ids).toHaveLength(200);
      }
    });

    test('bodies that are wrong', async () => {
      for (const [body, message] of [
        [{}, /model_path/],
        [{ model_path: '' }, /model_path: must not be empty/],
        [{ model_path: other, load_format: 'pt' }, /load_format: must be 'auto'/],
        [{ model_path: other, flush_cache: 'no' }, /flush_cache: must be true or false/],
        [{ model_path: other, manifest: { a: 1 } }, /manifest is not available/],
        [{ model_path: other, model_pth: 1 }, /model_pth: unknown field/],
      ] as const) {
        const reply = await update(server, body);
        expect(reply.status).toBe(400);
        expect(JSON.stringify(reply.body)).toMatch(message);
      }
    });
  });

  test('goes through when its client has left, one after the other', async () => {
    const leaving = new AbortController();
    const left = server
      .post('/update_weights_from_disk', { model_path: other }, { signal: leaving.signal })
      .catch(() => 'left');
    // Well before an update is through, unless the machine is faster than it ever was.
    await sleep(5);
    leaving.abort();
    await left;
    const [first, second] = await Promise.all([
      update(server, { model_path: TEST_MODEL, weight_version: 'a' }),
      answer(server.post('/update_weights', { model_path: other, weight_version: 'b' })),
    ]);
    expect([first.status, second.status]).toEqual([200, 200]);
    const { weight_version } = await modelInfo(server);
    expect(await voice(server)).toEqual(weight_version === 'b' ? changed : original);
  });

  test('leaves nothing behind in memory', async () => {
    const pid = server.children()['scheduler'] ?? 0;
    const flip = async (count: number) => {
      for (let i = 0; i < count; i++) await update(server, { model_path: i % 2 ? TEST_MODEL : other });
    };
    await flip(6);
    const before = rss(pid);
    await flip(20);
    expect(rss(pid) - before).toBeLessThan(24 * 2 ** 20);
    await expectClean(server);
  }, 120_000);
});

test('several schedulers change over together, or not at all', async () => {
  const other = copies.make('dp', scramble);
  const server = await launch(['--dp-size', '2', '--weight-version', 'one', '--served-model-name', 'tiny']);
  const ask = async (rank: number): Promise<Reply> =>
    generate(server, { input_ids: promptIds(20), sampling_params: greedy(12), routed_dp_rank: rank });
  const both = async () => [outcome(await ask(0)), outcome(await ask(1))];
  const [first, second] = await both();
  expect(first).toEqual(second);
  expect(await update(server, { model_path: join(TEST_MODEL, '../qwen3') })).toMatchObject({ status: 400 });
  expect(await both()).toEqual([first, first]);
  expect(await update(server, { model_path: other, weight_version: 'two' })).toMatchObject({ status: 200 });
  const [third, fourth] = await both();
  expect(third).toEqual(fourth);
  expect(third).not.toEqual(first);
  expect((await ask(1)).meta_info.weight_version).toBe('two');
  const { data } = (await (await server.fetch('/v1/models')).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['tiny']);
  const rows = await answer(
    server.post('/get_weights_by_name', { name: 'model.norm.weight', truncate_size: 3 }),
  );
  expect(rows.body).toHaveLength(2);
}, 120_000);

test('a server of vectors takes other weights as well', async () => {
  const source = join(TEST_MODEL, '../bert');
  const other = copies.make('bert', scramble, source);
  const vector = async (server: Server): Promise<unknown> => {
    const reply = await server.post('/encode', { text: 'A cat sleeps.' });
    const { embedding, meta_info } = (await reply.json()) as {
      embedding: number[];
      meta_info: { weight_version: string };
    };
    return [embedding, meta_info.weight_version];
  };
  const fresh = await launch(['--model-path', other, '--weight-version', 'b']);
  const changed = await vector(fresh);
  await fresh.stop();
  const server = await launch(['--model-path', source]);
  const original = await vector(server);
  expect(await update(server, { model_path: TEST_MODEL })).toMatchObject({ status: 400 });
  expect(await vector(server)).toEqual(original);
  const reply = await update(server, { model_path: other, weight_version: 'b' });
  expect(reply).toMatchObject({ status: 200 });
  expect(await vector(server)).toEqual(changed);
  expect((await server.post('/release_memory_occupation', {})).status).toBe(200);
  expect((await server.post('/encode', { text: 'A cat.' })).status).toBe(503);
  expect((await server.post('/resume_memory_occupation', {})).status).toBe(200);
  expect(await vector(server)).toEqual(changed);
}, 120_000);

describe('/get_weights_by_name', () => {
  const EMBEDDING = 'model.embed_tokens.weight';
  let server: Server;
  const read = async (name: string, truncate_size?: number) =>
    answer(server.post('/get_weights_by_name', { name, truncate_size }));

  test('reads the rows of the weights that serve, and none that have changed on disk', async () => {
    const own = copies.make('own');
    server = await launch(['--model-path', own]);
    const weights = new Weights(join(TEST_MODEL, 'model.safetensors'));
    const wide = new Float32Array(64 * 2).map((_, i) => {
      const bits = Buffer.alloc(4);
      bits.writeUInt16LE(weights.bytes(EMBEDDING).readUInt16LE(i * 2), 2);
      return bits.readFloatLE();
    });
    const { body } = await read(EMBEDDING, 2);
    expect((body as number[][]).map(({ length }) => length)).toEqual([64, 64]);
    expect((body as number[][]).flat()).toEqual([...wide]);
    expect(await read('lm_head.weight', 2)).toEqual({ status: 200, body });
    expect((await read(EMBEDDING)).body).toHaveLength(100);
    expect((await read('model.norm.weight')).body).toHaveLength(64);
    expect((await read(EMBEDDING, 0)).body).toEqual([]);
    expect((await read('model.layers.9.mlp.down_proj.weight')).status).toBe(400);

    scramble(weights);
    writeFileSync(join(own, 'model.safetensors'), weights.file);
    expect(await read('model.norm.weight')).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('written anew') as string } },
    });
    expect((await update(server, { model_path: own })).status).toBe(200);
    expect((await read('model.norm.weight')).status).toBe(200);
    rmSync(join(own, 'model.safetensors'));
    expect((await read('model.norm.weight')).status).toBe(400);
    await generate(server, { input_ids: [5], sampling_params: greedy(2) });
  }, 60_000);
});

test('memory that is released goes back to the system, and comes again', async () => {
  // 100 MB of weights.
  const sizes = { num_hidden_layers: 4, hidden_size: 512, intermediate_size: 2048, vocab_size: 8192 };
  const args = ['--load-format', 'dummy', '--json-model-override-args', JSON.stringify(sizes)];
  const server = await launch(args);
  const pid = server.children()['scheduler'] ?? 0;
  const request = { input_ids: promptIds(900), sampling_params: greedy(4) };
  const before = await generate(server, request);
  const [stream] = (await streams(server, 1, 1500)) as [Stream];
  await stream.until();
  expect((await server.post('/release_memory_occupation', {})).status).toBe(400);
  stream.drop();
  await expectClean(server);

  await generate(server, request);
  const full = rss(pid);
  expect((await server.post('/release_memory_occupation', { tags: ['kv_cache'] })).status).toBe(200);
  expect((await server.fetch('/release_memory_occupation')).status).toBe(200);
  expect(full - rss(pid)).toBeGreaterThan(70 * 2 ** 20);
  expect((await server.post('/generate', request)).status).toBe(503);
  expect((await server.fetch('/health')).status).toBe(200);
  expect((await server.post('/resume_memory_occupation', {})).status).toBe(200);
  const { output_ids, meta_info } = await generate(server, request);
  expect(output_ids).toEqual(before.output_ids);
  expect(meta_info.cached_tokens).toBe(0);
  expect(rss(pid) - full).toBeLessThan(60 * 2 ** 20);
  await expectClean(server);
}, 120_000);
