import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { answer } from './client';
import { launch, type Server } from './harness';

/** What a request may say of the vectors it asks for: their length, and what the model puts before a text. */

const ENCODER = join(__dirname, '../model/checkpoints/bert');
const WIDTH = 32;
const PROMPTS = { query: 'the river: ', document: '' };

const folders: string[] = [];
/** The encoder with prompts, as sentence-transformers saves them, and changes of its config.json. */
function checkpoint(sentences: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-vectors-'));
  folders.push(folder);
  cpSync(ENCODER, folder, { recursive: true });
  writeFileSync(join(folder, 'config_sentence_transformers.json'), JSON.stringify(sentences));
  return folder;
}
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

const serve = (folder: string, config: object) =>
  launch(['--model-path', folder, '--json-model-override-args', JSON.stringify(config)]);

type Body = Readonly<Record<string, unknown>>;

async function vectors(server: Server, body: Body): Promise<number[][]> {
  const { status, body: found } = await answer(server.post('/encode', body));
  if (status !== 200) throw new Error(JSON.stringify(found));
  return [found as { embedding: number[] } | { embedding: number[] }[]]
    .flat()
    .map(({ embedding }) => embedding);
}

async function refusal(server: Server, path: string, body: Body): Promise<string> {
  const { status, body: found } = await answer(server.post(path, body));
  expect(status).toBe(400);
  return (found as { error: { message: string } }).error.message;
}

/** The first values at length 1. */
function cut(vector: readonly number[] | undefined, dimensions: number): number[] {
  const first = (vector ?? []).slice(0, dimensions);
  return first.map((value) => value / Math.hypot(...first));
}

function expectClose(actual: readonly number[] | undefined, wanted: readonly number[]): void {
  expect(actual).toHaveLength(wanted.length);
  wanted.forEach((value, i) => expect(Math.abs((actual?.[i] ?? NaN) - value)).toBeLessThan(1e-6));
}

const client = (server: Server) => new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none' });

describe('a model of vectors that may be cut, with prompts', () => {
  let server: Server;
  beforeAll(async () => {
    server = await serve(checkpoint({ prompts: PROMPTS, default_prompt_name: null }), {
      is_matryoshka: true,
    });
  });

  test('cuts them to any length, and to length 1 again', async () => {
    const text = ['the river', 'the sea'];
    const whole = await vectors(server, { text });
    for (const dimensions of [1, 7, WIDTH]) {
      const found = await vectors(server, { text, dimensions });
      found.forEach((vector, i) => expectClose(vector, cut(whole[i], dimensions)));
      for (const encoding_format of ['float', undefined] as const) {
        const { data } = await client(server).embeddings.create({
          model: 'x',
          input: text,
          dimensions,
          ...(encoding_format && { encoding_format }),
        });
        expect(data.map(({ embedding }) => embedding)).toEqual(found);
      }
    }
    expect((await vectors(server, { text, dimensions: WIDTH }))[0]).toEqual(whole[0]);
  });

  test.each([
    [0, /^Requested dimensions must be greater than 0: they can be 1 to 32, got 0\.$/],
    [-5, /greater than 0.*1 to 32/],
    [33, /^Provided dimensions are greater than max embedding dimension: 32; they can be 1 to 32, got 33\.$/],
  ])('refuses %d of them, and says the range', async (dimensions, message) => {
    expect(await refusal(server, '/encode', { text: 'a', dimensions })).toMatch(message);
    expect(await refusal(server, '/v1/embeddings', { input: 'a', dimensions })).toMatch(message);
    const asked = client(server).embeddings.create({ model: 'x', input: 'a', dimensions });
    await expect(asked).rejects.toMatchObject({ status: 400, param: 'dimensions' });
  });

  test('puts a prompt before a text by its name', async () => {
    const text = ['the sea', 'rain'];
    const wanted = await vectors(server, { text: text.map((one) => PROMPTS.query + one) });
    expect(await vectors(server, { text, prompt_name: 'query' })).toEqual(wanted);
    const { data } = await client(server).embeddings.create({
      model: 'x',
      input: text,
      ...{ prompt_name: 'query' },
      encoding_format: 'float',
    });
    expect(data.map(({ embedding }) => embedding)).toEqual(wanted);
    expect(await vectors(server, { text, prompt_name: 'document' })).toEqual(await vectors(server, { text }));
    expect((await vectors(server, { text }))[0]).not.toEqual(wanted[0]);
  });

  test.each<[Body, RegExp]>([
    [
      { text: 'a', prompt_name: 'passage' },
      /^Prompt name 'passage' is not known: this model has query, document\.$/,
    ],
    [{ text: 'a', prompt_name: 'toString' }, /'toString' is not known/],
    [{ input_ids: [5], prompt_name: 'query' }, /^prompt_name is for texts/],
    [{ text: [['a', 'b']], prompt_name: 'query' }, /^prompt_name is for texts/],
  ])('refuses %j', async (body, message) => {
    expect(await refusal(server, '/encode', body)).toMatch(message);
  });

  test('counts the prompt where a text is too long', async () => {
    const text = 'the '.repeat(45);
    expect(await vectors(server, { text })).toHaveLength(1);
    expect(await refusal(server, '/encode', { text, prompt_name: 'query' })).toMatch(
      /\(5\d tokens\).*\(48 tokens\)/,
    );
  });
});

describe("Text Embeddings Inference's /embed", () => {
  let server: Server;
  beforeAll(async () => {
    server = await serve(checkpoint({ prompts: PROMPTS }), { is_matryoshka: true });
  });

  const embed = async (body: Body): Promise<number[][]> => {
    const { status, body: found } = await answer(server.post('/embed', body));
    if (status !== 200) throw new Error(JSON.stringify(found));
    return found as number[][];
  };

  test('gives a bare list of vectors, also for one text, and for ids', async () => {
    const text = ['rain', 'the sea'];
    const wanted = await vectors(server, { text });
    expect(await embed({ inputs: text })).toEqual(wanted);
    expect(await embed({ inputs: 'rain' })).toEqual([wanted[0]]);
    const tokens = await server.post('/tokenize', { prompt: 'rain' });
    const { tokens: inputs } = (await tokens.json()) as { tokens: number[] };
    expect(await embed({ inputs })).toEqual([wanted[0]]);
    expect(await embed({ inputs: [inputs, inputs] })).toEqual([wanted[0], wanted[0]]);
  });

  test('leaves them as they were pooled where nothing is to be normalized', async () => {
    const [raw = []] = await embed({ inputs: 'rain', normalize: false });
    const [wanted] = await embed({ inputs: 'rain', normalize: true });
    expect(Math.abs(Math.hypot(...raw) - 1)).toBeGreaterThan(0.01);
    expectClose(cut(raw, WIDTH), wanted ?? []);
    expect(await embed({ inputs: 'rain', normalize: false, dimensions: 5 })).toEqual([raw.slice(0, 5)]);
    expectClose((await embed({ inputs: 'rain', dimensions: 5 }))[0], cut(raw, 5));
  });

  test('cuts long texts at either end, and keeps their special tokens', async () => {
    const words = Array.from({ length: 100 }, (_, i) =>
      i % 3 === 0 ? 'river' : i % 7 === 0 ? 'sea' : 'the',
    );
    const inputs = words.join(' ');
    const tokens = await server.post('/tokenize', { prompt: inputs });
    const { tokens: all } = (await tokens.json()) as { tokens: number[] };
    const [first, last] = [all.slice(0, 1), all.slice(-1)];
    const ends = { Right: [...all.slice(0, 47), ...last], Left: [...first, ...all.slice(-47)] };
    for (const [truncation_direction, kept] of Object.entries(ends)) {
      expect(kept).toHaveLength(48);
      const body = { inputs, truncate: true, truncation_direction };
      expect(await embed(body)).toEqual(await embed({ inputs: kept }));
    }
    expect(await embed({ inputs, truncate: true })).toEqual(await embed({ inputs: ends.Right }));
    expect(ends.Left).not.toEqual(ends.Right);
    const endless = { inputs: 'sea '.repeat(20_000) + inputs, truncate: true, truncation_direction: 'left' };
    expect(await embed(endless)).toEqual(await embed({ inputs: ends.Left }));
  });

  test('puts prompts before texts', async () => {
    const wanted = await embed({ inputs: PROMPTS.query + 'rain' });
    expect(await embed({ inputs: 'rain', prompt_name: 'query' })).toEqual(wanted);
  });

  test.each<[Body, RegExp]>([
    [{ inputs: [] }, /^inputs cannot be empty$/],
    [{ inputs: 5 }, /^inputs: must be a string/],
    [{}, /^inputs: must be a string/],
    [{ inputs: 'a', prompt_name: 'x' }, /this model has query, document/],
    [{ inputs: 'a', truncation_direction: 'Up' }, /must be 'Right' or 'Left', got 'Up'/],
    [{ inputs: 'sea '.repeat(60), truncate: false }, /\(\d+ tokens\).*\(48 tokens\)/],
    [{ inputs: 'a', dimensions: 33 }, /1 to 32/],
    [{ inputs: 'a', truncated: true }, /did you mean truncate\?/],
  ])('refuses %j in its own form', async (body, message) => {
    const { status, body: said } = await answer(server.post('/embed', body));
    expect([status, said]).toEqual([
      400,
      { error: expect.stringMatching(message) as string, error_type: 'Validation' },
    ]);
  });

  test('drops what a client that left still waits for, and serves on', async () => {
    const gone = new AbortController();
    const body = { inputs: Array.from({ length: 5000 }, () => 'rain '.repeat(40)) };
    const left = server.post('/embed', body, { signal: gone.signal }).catch(() => 'left');
    setTimeout(() => gone.abort(), 200);
    expect(await left).toBe('left');
    await server.idle();
    expect(await embed({ inputs: 'rain' })).toHaveLength(1);
  });
});

describe('a model of vectors of some lengths, with a default prompt', () => {
  let server: Server;
  beforeAll(async () => {
    const folder = checkpoint({ prompts: PROMPTS, default_prompt_name: 'query' });
    server = await serve(folder, { matryoshka_dimensions: [24, 16] });
  });

  test('cuts them to those, and to none else', async () => {
    const [whole] = await vectors(server, { text: 'rain' });
    for (const dimensions of [16, 24]) {
      expectClose((await vectors(server, { text: 'rain', dimensions }))[0], cut(whole, dimensions));
    }
    expect(await refusal(server, '/v1/embeddings', { input: 'a', dimensions: 17 })).toMatch(
      /only supports \[16, 24\] matryoshka dimensions, using other output dimensions will lead to poor results/,
    );
  });

  test('puts the default before texts, unless another is named', async () => {
    const [wanted] = await vectors(server, { text: PROMPTS.query + 'rain', prompt_name: 'document' });
    expect(await vectors(server, { text: 'rain' })).toEqual([wanted]);
    const tokens = await server.post('/tokenize', { prompt: 'rain' });
    const { tokens: input_ids } = (await tokens.json()) as { tokens: number[] };
    expect(await vectors(server, { input_ids })).toEqual(
      await vectors(server, { text: 'rain', prompt_name: 'document' }),
    );
  });
});

test('other models have neither', async () => {
  const server = await launch(['--model-path', ENCODER]);
  expect(await refusal(server, '/encode', { text: 'a', dimensions: 8 })).toMatch(
    /does not support matryoshka representation/,
  );
  expect(await vectors(server, { text: 'a', dimensions: WIDTH })).toEqual(
    await vectors(server, { text: 'a' }),
  );
  expect(await refusal(server, '/encode', { text: 'a', prompt_name: 'query' })).toMatch(
    /'query' is not known: this model has no prompts/,
  );
});

test.each<[object, object, string]>([
  [{ prompts: { query: 5 } }, {}, "prompt 'query' must be a text, found '5'"],
  [{ prompts: PROMPTS, default_prompt_name: 'x' }, {}, "'default_prompt_name' 'x' is none of the prompts"],
  [{}, { is_matryoshka: 'yes' }, "'is_matryoshka' must be true or false"],
  [{}, { matryoshka_dimensions: [0] }, "'matryoshka_dimensions.0' must be a whole number from 1"],
])('a checkpoint that says %j and %j does not start', async (sentences, config, message) => {
  await expect(serve(checkpoint(sentences), config)).rejects.toThrow(message);
});
