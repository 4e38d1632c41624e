import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Embedder, expectClose } from './embedder';
import { CHECKPOINTS } from './support';

/** Last-token vectors of decoders against PyTorch's, alone and in batches of unequal lengths. */

interface Golden {
  readonly models: Readonly<Record<string, readonly { input_ids: number[]; vector: number[] }[]>>;
}

const { models } = JSON.parse(readFileSync(join(__dirname, 'golden/embeddings.json'), 'utf8')) as Golden;

describe.each(Object.entries(models))('%s', (name, cases) => {
  let embedder: Embedder;

  beforeAll(async () => {
    embedder = await Embedder.start(name, ['--is-embedding']);
  });
  afterAll(() => embedder.close());

  it('gives the vectors one by one', async () => {
    for (const { input_ids, vector } of cases) {
      const output = await embedder.embed(input_ids);
      expectClose(output.vector, vector);
      expect(output).toMatchObject({ promptTokens: input_ids.length, finish: { type: 'length', length: 0 } });
    }
  });

  it('gives the same ones in a batch', async () => {
    const many = Array.from({ length: 4 }, () => cases).flat();
    const before = embedder.scheduler.state.forwardCount;
    const outputs = await Promise.all(many.map(({ input_ids }) => embedder.embed(input_ids)));
    outputs.forEach(({ vector }, i) => expectClose(vector, many[i]?.vector ?? []));
    expect(embedder.scheduler.state.forwardCount - before).toBeLessThan(many.length);
  });
});

/** The checkpoint as its bare body: tensors without the prefix, the architecture's other name. */
function bareBody(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'bare-body-'));
  const config = readFileSync(join(CHECKPOINTS, name, 'config.json'), 'utf8');
  writeFileSync(join(folder, 'config.json'), config.replace('ForCausalLM', 'Model'));
  const bytes = readFileSync(join(CHECKPOINTS, name, 'model.safetensors'));
  const dataStart = 8 + Number(bytes.readBigUInt64LE());
  const header = Buffer.from(bytes.toString('utf8', 8, dataStart).replaceAll('"model.', '"'));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeFileSync(
    join(folder, 'model.safetensors'),
    Buffer.concat([length, header, bytes.subarray(dataStart)]),
  );
  return folder;
}

it.each(['llama-llama3-rope', 'mistral-sliding-window', 'qwen2-upper-window', 'qwen3'])(
  '%s gives the same vectors as a bare body',
  async (name) => {
    const folder = bareBody(name);
    const embedder = await Embedder.start(folder, ['--is-embedding']);
    for (const { input_ids, vector } of models[name] ?? []) {
      expectClose((await embedder.embed(input_ids)).vector, vector);
    }
    await embedder.close();
    rmSync(folder, { recursive: true });
  },
);

it('drops what is aborted while it waits, and refuses what the queue has no room for', async () => {
  const embedder = await Embedder.start('qwen3', ['--is-embedding', '--max-queued-requests', '2']);
  embedder.scheduler.receive({ type: 'pause', callId: 1, mode: 'in_place' });
  const [first, second, third] = [embedder.embed([5, 6]), embedder.embed([7]), embedder.embed([8])];
  expect((await third).finish).toMatchObject({ type: 'abort', status_code: 503 });
  embedder.scheduler.receive({ type: 'abort', rid: '0' });
  expect(await first).toMatchObject({
    vector: null,
    finish: { type: 'abort', message: 'Abort in waiting queue' },
  });
  embedder.scheduler.receive({ type: 'continue', callId: 2 });
  expect((await second).vector).toHaveLength(32);
  expect(embedder.scheduler.state).toMatchObject({ running: 0, queued: 0 });
  await embedder.close();
});
