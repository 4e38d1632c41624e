import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Engine, RequestError, StartupError, UsageError, launchServer } from 'sglang-node';

// The public API as another program uses it; run by engine.test.ts with Node's own test runner, because Jest's modules are
// not a program's.

const ROOT = resolve(fileURLToPath(new URL('.', import.meta.url)), '../..');
const MODEL = join(ROOT, 'test/model/checkpoints/random-qwen2');
const greedy = (count) => ({ temperature: 0, max_new_tokens: count, ignore_eos: true });
const ids = [5, 6, 7, 8];

describe('an engine with experts', () => {
  it('records which of them are chosen, and says where', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'records-'));
    process.env.SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR = folder;
    const engine = await Engine.create({
      modelPath: join(ROOT, 'test/model/checkpoints/mixtral'),
      skipTokenizerInit: true,
      expertDistributionRecorderMode: 'stat',
    });
    try {
      await engine.startExpertDistributionRecord();
      await engine.generate({ input_ids: ids, sampling_params: greedy(3) });
      await engine.stopExpertDistributionRecord();
      const [csv] = await engine.dumpExpertDistributionRecord();
      const counts = readFileSync(csv, 'utf8').trim().split('\n').slice(1);
      // Four tokens and two of the output, in two layers through two of four experts each.
      assert.equal(counts.length, 8);
      assert.equal(
        counts.reduce((sum, line) => sum + Number(line.split(',')[2]), 0),
        (4 + 2) * 4,
      );
    } finally {
      await engine.shutdown();
      delete process.env.SGLANG_EXPERT_DISTRIBUTION_RECORDER_DIR;
      rmSync(folder, { recursive: true });
    }
  });

  it('is one of a model that has some', async () => {
    const engine = await Engine.create({ modelPath: MODEL, expertDistributionRecorderMode: 'stat' });
    try {
      await assert.rejects(engine.startExpertDistributionRecord(), /no experts/);
    } finally {
      await engine.shutdown();
    }
  });
});

describe('an engine', () => {
  /** @type {Engine} */
  let engine;
  before(async () => {
    engine = await Engine.create({ modelPath: MODEL, max_total_tokens: 4096, randomSeed: 1 });
  });
  after(() => engine.shutdown());

  it('completes one prompt, and a list of prompts to a list, each as alone', async () => {
    const one = await engine.generate({ input_ids: ids, sampling_params: greedy(8) });
    assert.equal(one.output_ids.length, 8);
    assert.equal(one.meta_info.prompt_tokens, 4);
    assert.equal(one.meta_info.completion_tokens, 8);
    assert.equal(one.meta_info.finish_reason.type, 'length');
    const many = await engine.generate({ input_ids: [ids, [9]], sampling_params: greedy(8) });
    assert.deepEqual(
      many.map(({ output_ids }) => output_ids.length),
      [8, 8],
    );
    assert.deepEqual(many[0].output_ids, one.output_ids);
  });

  it('streams what it would reply as a whole', async () => {
    const request = { text: 'a b', sampling_params: greedy(8) };
    const texts = [];
    for await (const { text } of engine.generate({ ...request, stream: true })) texts.push(text);
    assert.ok(texts.length > 1);
    assert.equal(texts.at(-1), (await engine.generate(request)).text);
  });

  it('scores items, each as alone', async () => {
    const request = { query: ids, items: [[9], [10, 11]], label_token_ids: [3, 400] };
    const scores = await engine.score(request);
    assert.deepEqual(
      scores.map(({ length }) => length),
      [2, 2],
    );
    assert.ok(scores.flat().every((score) => score > 0 && score < 1));
    assert.deepEqual(await engine.score({ ...request, items: [[10, 11]] }), [scores[1]]);
    const [shares] = await engine.score({ ...request, apply_softmax: true, item_first: true });
    assert.ok(Math.abs(shares[0] + shares[1] - 1) < 1e-12);
    await assert.rejects(engine.score({ ...request, label_token_ids: [512] }), /out of vocabulary/);
    await assert.rejects(engine.score(request, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  });

  it('has sessions: requests go on from each other', async () => {
    const id = await engine.openSession({ capacity_of_str_len: 1000 });
    const ask = (input_ids, rid) =>
      engine.generate({ input_ids, sampling_params: greedy(8), session_params: { id, rid } });
    const first = await ask(ids, null);
    const second = await ask([9], first.meta_info.id);
    const whole = await engine.generate({
      input_ids: [...ids, ...first.output_ids, 9],
      sampling_params: greedy(8),
    });
    assert.deepEqual(second.output_ids, whole.output_ids);
    await assert.rejects(engine.openSession({ capacity_of_str_len: 1, session_id: id }), RequestError);
    await engine.closeSession(id);
    await assert.rejects(ask([9], first.meta_info.id), /does not exist/);
  });

  it('takes other weights, says which it has, and lends its memory', async () => {
    const request = { input_ids: ids, sampling_params: greedy(8) };
    const before = await engine.generate(request);
    const wrong = await engine.updateWeightsFromDisk({ model_path: 'no/such-model' });
    assert.deepEqual(wrong, {
      success: false,
      message: 'Failed to get weights iterator: no/such-model (repository not found).',
      num_paused_requests: 0,
    });
    const same = await engine.updateWeightsFromDisk({ model_path: MODEL, weight_version: 'again' });
    assert.equal(same.message, 'Succeeded to update model weights. Weight version updated to again.');
    const after = await engine.generate(request);
    assert.deepEqual(after.output_ids, before.output_ids);
    assert.equal(after.meta_info.weight_version, 'again');
    const rows = await engine.getWeightsByName('model.embed_tokens.weight', 2);
    assert.deepEqual([rows.length, rows[0].length], [2, 64]);
    await assert.rejects(engine.getWeightsByName('none'), RequestError);
    await engine.releaseMemoryOccupation(['weights']);
    await assert.rejects(engine.generate(request), /is released/);
    await engine.resumeMemoryOccupation();
    assert.deepEqual((await engine.generate(request)).output_ids, before.output_ids);
  });

  it('ends a stream that nobody reads on, and a call whose signal fires', async () => {
    const long = { input_ids: ids, sampling_params: greedy(1500) };
    for await (const { output_ids } of engine.generate({ ...long, stream: true })) {
      assert.ok(output_ids.length > 0);
      break;
    }
    const leaving = new AbortController();
    const call = engine.generate(long, { signal: leaving.signal });
    leaving.abort(new Error('changed my mind'));
    await assert.rejects(call, /changed my mind/);
    // Both have been aborted: the engine has room for one that needs more than half of it.
    const next = await engine.generate({ input_ids: ids, sampling_params: greedy(16) });
    assert.equal(next.output_ids.length, 16);
  });

  it('refuses what is wrong with a request by name', async () => {
    const wrong = { text: 'a', sampling_params: { temprature: 0 } };
    await assert.rejects(engine.generate(wrong), RequestError);
    await assert.rejects(engine.generate(wrong), /temprature/);
    await assert.rejects(engine.generate({}), /text/);
    const stream = engine.generate({ ...wrong, stream: true });
    await assert.rejects(stream.next(), /temprature/);
    await assert.rejects(engine.encode({ text: 'a' }), RequestError);
  });
});

it('rejects calls in progress and later ones when it is shut down, and leaves nothing', async () => {
  const others = sockets();
  const engine = await Engine.create(['--model-path', MODEL]);
  assert.equal(sockets().length, others.length + 1);
  const call = engine.generate({ input_ids: ids, sampling_params: greedy(1500) });
  const stream = engine.generate({ input_ids: ids, sampling_params: greedy(1500), stream: true });
  await stream.next();
  const [first, second] = [engine.shutdown(), engine.shutdown()];
  await assert.rejects(call, /shut down/);
  await assert.rejects(stream.next(), /shut down/);
  await Promise.all([first, second]);
  await assert.rejects(engine.generate({ input_ids: ids }), StartupError);
  assert.deepEqual(sockets(), others);
});

it('turns texts into vectors', async () => {
  const engine = await Engine.create({ modelPath: MODEL, isEmbedding: true });
  const [one, again] = await engine.encode({ input_ids: [ids, ids] });
  assert.ok(Math.abs(Math.hypot(...one.embedding) - 1) < 1e-6);
  assert.deepEqual(again.embedding, one.embedding);
  await assert.rejects(engine.generate({ input_ids: ids }), RequestError);
  await engine.shutdown();
});

it('cannot be created from wrong arguments or without a model', async () => {
  await assert.rejects(Engine.create({ modelPath: MODEL, contextLenght: 5 }), UsageError);
  await assert.rejects(Engine.create({ modelPath: '/nonexistent' }), StartupError);
  await assert.rejects(Engine.create({ modelPath: MODEL, mem_fraction_static: 'much' }), UsageError);
});

it('a server inside the program answers until it is closed', async () => {
  const server = await launchServer({ modelPath: MODEL, port: 0, logLevel: 'error' });
  assert.equal((await fetch(`${server.url}/health`)).status, 200);
  await server.close();
  await assert.rejects(fetch(`${server.url}/health`));
});

/** Folders of sockets that running engines have. */
function sockets() {
  const tmp = process.env['TMPDIR'] ?? '/tmp';
  return readdirSync(tmp).filter((name) => /^sglang-\w{6}$/.test(name));
}
