import {
  answer,
  expectClean,
  generate,
  generateAll,
  greedy,
  outcome,
  promptIds,
  Stream,
  streamed,
} from './client';
import { launch, type Server } from './harness';

let server: Server;
beforeAll(async () => void (server = await launch()));

const input_ids = promptIds(12);
const run = (sampling_params: Record<string, unknown>) => generate(server, { input_ids, sampling_params });

/** Ids of plain letters, to force. */
async function idsOf(text: string): Promise<number[]> {
  const reply = await server.post('/tokenize', { prompt: text, add_special_tokens: false });
  return ((await reply.json()) as { tokens: number[] }).tokens;
}

describe('logit_bias', () => {
  test('a large one forces a token, -100 forbids it', async () => {
    const [letter] = await idsOf('w');
    const forced = await run(greedy(6, { logit_bias: { [String(letter)]: 1000 } }));
    expect(forced.output_ids).toEqual(Array.from({ length: 6 }, () => letter));
    expect(forced.text).toBe('wwwwww');
    const free = await run(greedy(1));
    const forbidden = await run(greedy(40, { logit_bias: { [String(free.output_ids[0])]: -100 } }));
    expect(forbidden.output_ids).not.toContain(free.output_ids[0]);
  });

  test('of one request does not touch another in the same batch', async () => {
    const alone = await run(greedy(30));
    const biased = await run(greedy(30, { logit_bias: { '70': 1000 } }));
    const replies = await generateAll(server, {
      input_ids: [input_ids, input_ids, input_ids],
      sampling_params: [greedy(30), greedy(30, { logit_bias: { '70': 1000 } }), greedy(30)],
    });
    expect(replies.map(outcome)).toEqual([alone, biased, alone].map(outcome));
  });

  test('of an unknown token is refused', async () => {
    const body = { input_ids, sampling_params: { logit_bias: { '512': 1 } } };
    expect(await answer(server.post('/generate', body))).toEqual({
      status: 400,
      body: { error: { message: 'logit_bias must has keys in [0, 511], got 512.' } },
    });
  });
});

describe('penalties', () => {
  // Two tokens far above all others, so that what is chosen among them shows the penalty.
  const two = { '70': 1000, '71': 999 };
  const counts = (ids: readonly number[]) => ids.filter((id) => id === 71).length;

  test('without any, the likeliest token is repeated', async () => {
    expect(counts((await run(greedy(20, { logit_bias: { '70': 1000, '71': 900 } }))).output_ids)).toBe(0);
  });

  test('a frequency penalty makes room for the second', async () => {
    const penalized = await run(greedy(20, { logit_bias: two, frequency_penalty: 2 }));
    expect(counts(penalized.output_ids)).toBeGreaterThan(5);
  });

  test.each(['frequency_penalty', 'presence_penalty'])('%s thins out repetition', async (name) => {
    const distinct = async (value: number) =>
      new Set((await run(greedy(60, { [name]: value }))).output_ids).size;
    expect(await distinct(2)).toBeGreaterThan(await distinct(-2));
  });

  test('a negative one keeps to what was said', async () => {
    const { output_ids } = await run(greedy(200, { presence_penalty: -2, frequency_penalty: -2 }));
    expect(new Set(output_ids.slice(100)).size).toBeLessThanOrEqual(3);
  });

  test('repetition_penalty counts the prompt, too', async () => {
    const biased = greedy(1, { logit_bias: { '70': 1 } });
    const plain = await generate(server, { input_ids, sampling_params: biased });
    const repeated = { input_ids: [...input_ids.slice(0, 1), ...plain.output_ids, ...input_ids.slice(1)] };
    const free = await generate(server, { ...repeated, sampling_params: greedy(60) });
    const penalized = await generate(server, {
      ...repeated,
      sampling_params: greedy(60, { repetition_penalty: 1.8 }),
    });
    expect(new Set(penalized.output_ids).size).toBeGreaterThan(new Set(free.output_ids).size);
  });

  test('of one request do not touch another in the same batch', async () => {
    const strong = greedy(40, { presence_penalty: 2, frequency_penalty: 2, repetition_penalty: 1.5 });
    const alone = [await run(greedy(40)), await run(strong), await run(greedy(40))];
    const replies = await generateAll(server, {
      input_ids: [input_ids, input_ids, input_ids],
      sampling_params: [greedy(40), strong, greedy(40)],
    });
    expect(replies.map(outcome)).toEqual(alone.map(outcome));
  });
});

describe('seeds', () => {
  const drawn = (sampling_seed: number) => ({
    temperature: 1.3,
    max_new_tokens: 40,
    ignore_eos: true,
    sampling_seed,
  });

  test('repeat a sample, alone and in any batch', async () => {
    const alone = await run(drawn(42));
    expect(outcome(await run(drawn(42)))).toEqual(outcome(alone));
    const replies = await generateAll(server, {
      input_ids: [promptIds(50, 9), input_ids, promptIds(3, 4), input_ids],
      sampling_params: [drawn(1), drawn(42), greedy(70), drawn(42)],
    });
    expect([replies[1], replies[3]].map((reply) => reply && outcome(reply))).toEqual(
      [alone, alone].map(outcome),
    );
  });

  test('give different samples', async () => {
    const samples = await Promise.all([1, 2, 3, 4].map((seed) => run(drawn(seed))));
    expect(new Set(samples.map(({ text }) => text)).size).toBe(4);
  });

  test('give n different samples, the first of which is that of n = 1, and the same ones again', async () => {
    const four = { ...drawn(9), n: 4 };
    const alone = outcome(await run(drawn(9)));
    const samples = (await generateAll(server, { input_ids, sampling_params: four })).map(outcome);
    expect(new Set(samples.map(({ text }) => text)).size).toBe(4);
    expect(samples[0]).toEqual(alone);
    const stream = await Stream.open(server, { input_ids, sampling_params: four });
    expect((await stream.finals()).map(outcome)).toEqual(samples);
    // Beside another prompt, in lists of parameters, and with another seed.
    const batch = {
      input_ids: [promptIds(30, 2), input_ids],
      sampling_params: [{ ...drawn(10), n: 4 }, four],
    };
    const replies = (await generateAll(server, batch)).map(outcome);
    expect(replies.slice(4)).toEqual(samples);
    const other = await generateAll(server, { input_ids, sampling_params: { ...drawn(10), n: 4 } });
    expect(new Set([...other, ...samples].map(({ text }) => text)).size).toBe(8);
  });

  test('without one, two samples differ', async () => {
    const free = { temperature: 1.3, max_new_tokens: 40, ignore_eos: true };
    expect((await run(free)).output_ids).not.toEqual((await run(free)).output_ids);
  });
});

describe('what cuts the distribution', () => {
  test.each([
    ['top_k', 1],
    ['top_p', 1e-6],
    ['min_p', 1],
    ['temperature', 1e-7],
  ])('%s of %d leaves the likeliest token', async (name, value) => {
    const certain = await run({ max_new_tokens: 30, ignore_eos: true, temperature: 2, [name]: value });
    expect(certain.output_ids).toEqual((await run(greedy(30))).output_ids);
  });
});

describe('length', () => {
  const eos = { logit_bias: { '511': 1000 } };

  test('ignore_eos yields exactly max_new_tokens', async () => {
    const { output_ids, meta_info } = await run(greedy(200, eos));
    expect(output_ids).toEqual(Array.from({ length: 200 }, () => 511));
    expect(meta_info).toMatchObject({
      completion_tokens: 200,
      finish_reason: { type: 'length', length: 200 },
    });
  });

  test('an end-of-text token ends the request and is no text', async () => {
    const { text, output_ids, meta_info } = await run({ ...greedy(50, eos), ignore_eos: false });
    expect({ text, output_ids }).toEqual({ text: '', output_ids: [511] });
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: 511 });
  });

  test('min_new_tokens holds it back', async () => {
    const { output_ids, meta_info } = await run({ ...greedy(50, eos), ignore_eos: false, min_new_tokens: 7 });
    expect(output_ids.slice(0, 7)).not.toContain(511);
    expect(output_ids.slice(7)).toEqual([511]);
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: 511 });
  });
});

describe('stops', () => {
  const tokens = 120;
  let whole: Awaited<ReturnType<typeof generate>>;
  /** A word somewhere behind the beginning of the text, and what comes before it. */
  let word: string;
  let before: string;
  beforeAll(async () => {
    whole = await run(greedy(tokens));
    word = /^.{20}[^]*?([a-z]{4,})/.exec(whole.text)?.[1] ?? '';
    before = whole.text.slice(0, whole.text.indexOf(word));
  });

  test('a stop string ends the text before it', async () => {
    const { text, meta_info } = await run(greedy(tokens, { stop: word }));
    expect(word).not.toBe('');
    expect(text).toBe(before);
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: word });
    expect(meta_info.completion_tokens).toBeLessThan(tokens);
  });

  test('of several stop strings the first in the text counts', async () => {
    const { text, meta_info } = await run(greedy(tokens, { stop: ['not in any text', word] }));
    expect(text).toBe(before);
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: word });
  });

  test('no_stop_trim keeps it', async () => {
    const { text } = await run(greedy(tokens, { stop: [word], no_stop_trim: true }));
    expect(text.startsWith(before + word)).toBe(true);
    expect(whole.text.startsWith(text)).toBe(true);
  });

  test.each([false, true])(
    'one that the last allowed token completes wins (streamed: %p)',
    async (stream) => {
      const { completion_tokens } = (await run(greedy(tokens, { stop: word }))).meta_info;
      const last = { input_ids, sampling_params: greedy(completion_tokens, { stop: word }) };
      const { text, meta_info } = stream
        ? await (await Stream.open(server, last)).rest()
        : await generate(server, last);
      expect(text).toBe(before);
      expect(meta_info).toMatchObject({ completion_tokens, finish_reason: { type: 'stop', matched: word } });
      const short = await run(greedy(completion_tokens - 1, { stop: word }));
      expect(short.meta_info.finish_reason?.type).toBe('length');
    },
  );

  test('min_new_tokens holds stop strings and regexes back', async () => {
    const { completion_tokens } = (await run(greedy(tokens, { stop: word }))).meta_info;
    for (const stop of [{ stop: word }, { stop_regex: word }]) {
      const held = await run(greedy(tokens, { ...stop, min_new_tokens: completion_tokens }));
      expect(held.text.startsWith(before + word)).toBe(true);
      expect(held.meta_info.completion_tokens).toBeGreaterThan(completion_tokens);
      const reached = await run(greedy(tokens, { ...stop, min_new_tokens: completion_tokens - 1 }));
      expect(reached.text).toBe(before);
    }
  });

  test('a stream never shows what is cut', async () => {
    const chunks = await streamed(server, { input_ids, sampling_params: greedy(tokens, { stop: word }) });
    for (const { text } of chunks) expect(before.startsWith(text)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ text: before, meta_info: { finish_reason: { matched: word } } });
  });

  test('stop_regex names its source', async () => {
    const stop_regex = `${word.slice(0, 2)}[a-z]{2,}`;
    const { text, meta_info } = await run(greedy(tokens, { stop_regex }));
    expect(text).toBe(before);
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: stop_regex });
  });

  test('stop_token_ids end the request; the token is text with no_stop_trim only', async () => {
    const id = whole.output_ids[10] ?? -1;
    const first = whole.output_ids.indexOf(id);
    const stopped = await run({ ...greedy(tokens), ignore_eos: false, stop_token_ids: [id] });
    expect(stopped.output_ids).toEqual(whole.output_ids.slice(0, first + 1));
    expect(stopped.meta_info.finish_reason).toEqual({ type: 'stop', matched: id });
    const kept = await run({
      ...greedy(tokens),
      ignore_eos: false,
      stop_token_ids: [id],
      no_stop_trim: true,
    });
    expect(kept.output_ids).toEqual(stopped.output_ids);
    expect(kept.text.length).toBeGreaterThan(stopped.text.length);
  });

  test('what stops one request leaves the others of its batch alone', async () => {
    const params = [greedy(tokens), greedy(tokens, { stop: word }), greedy(tokens)];
    const stream = await Stream.open(server, {
      input_ids: params.map(() => input_ids),
      sampling_params: params,
    });
    const finals = await stream.finals();
    expect(finals.map(({ text }) => text)).toEqual([whole.text, before, whole.text]);
  });
});

test('nothing is left behind', () => expectClean(server));
