import {
  answer,
  expectClean,
  generate,
  generateAll,
  greedy,
  outcome,
  promptIds,
  type MetaInfo,
  type Reply,
} from './client';
import { launch, type Server } from './harness';

const TEXT = 'The capital of France is Paris. The capital of Germany is Berlin.';
/** Longer than several chunks of either server. */
const LONG = promptIds(700, 3);

let server: Server;
beforeAll(async () => void (server = await launch(['--chunked-prefill-size', '96'])));

const textOf = (triples: MetaInfo['input_token_logprobs']) => triples.map(([, , text]) => text).join('');

describe('counts and texts', () => {
  let size: number;
  beforeAll(async () => {
    const reply = await server.post('/tokenize', { prompt: TEXT });
    size = ((await reply.json()) as { count: number }).count;
  });

  test.each([0, 1, 5, 10, 'last', 'end'])('from prompt position %s', async (position) => {
    const start = position === 'last' ? size - 1 : position === 'end' ? size : Number(position);
    const { text, output_ids, meta_info } = await generate(server, {
      text: TEXT,
      return_logprob: true,
      logprob_start_len: start,
      return_text_in_logprobs: true,
      top_logprobs_num: 5,
      // Plain letters, so that tokens are text by themselves.
      sampling_params: greedy(6, { logit_bias: { '68': 50, '69': 50, '70': 50, '71': 50, '72': 50 } }),
    });
    const { prompt_tokens, input_token_logprobs, input_top_logprobs, output_top_logprobs } = meta_info;
    expect(prompt_tokens).toBe(size);
    expect(start + input_token_logprobs.length).toBe(prompt_tokens);
    expect(TEXT.endsWith(textOf(input_token_logprobs))).toBe(true);
    if (start === 0) expect(textOf(input_token_logprobs)).toBe(TEXT);
    expect(textOf(meta_info.output_token_logprobs)).toBe(text);
    expect(meta_info.output_token_logprobs.map(([, id]) => id)).toEqual(output_ids);
    expect(input_token_logprobs.map(([logprob]) => logprob === null)).toEqual(
      input_token_logprobs.map((_, i) => i === 0),
    );
    expect(input_top_logprobs).toHaveLength(input_token_logprobs.length);
    expect(input_top_logprobs.map((top) => top?.length ?? 0)).toEqual(
      input_token_logprobs.map((_, i) => (i === 0 ? 0 : 5)),
    );
    expect(output_top_logprobs.map((top) => top?.length)).toEqual([5, 5, 5, 5, 5, 5]);
  });

  test('by default only of the output, behind the last token of the prompt', async () => {
    const { meta_info } = await generate(server, {
      text: TEXT,
      return_logprob: true,
      sampling_params: greedy(3),
    });
    expect(meta_info.input_token_logprobs).toEqual([[null, expect.any(Number), null]]);
    expect(meta_info.output_token_logprobs).toHaveLength(3);
    expect(meta_info).not.toHaveProperty('input_top_logprobs');
    expect(meta_info).not.toHaveProperty('output_token_ids_logprobs');
  });

  test('behind the prompt is refused', async () => {
    const body = { input_ids: [5, 6, 7], return_logprob: true, logprob_start_len: 4 };
    expect(await answer(server.post('/generate', body))).toEqual({
      status: 400,
      body: {
        error: {
          message:
            'req.logprob_start_len=4 is higher than the number of input tokens len(req.origin_input_ids)=3. ' +
            'Please use a smaller logprob_start_len.',
        },
      },
    });
  });

  test('of tokens that are asked for, at each position', async () => {
    const wanted = [9, 40, 200];
    const { meta_info } = await generate(server, {
      input_ids: promptIds(8),
      return_logprob: true,
      logprob_start_len: 0,
      top_logprobs_num: 512,
      token_ids_logprob: wanted,
      sampling_params: greedy(4),
    });
    const { input_token_ids_logprobs, output_token_ids_logprobs, input_top_logprobs, output_top_logprobs } =
      meta_info;
    const chosen = [...input_token_ids_logprobs.slice(1), ...output_token_ids_logprobs];
    const all = [...input_top_logprobs.slice(1), ...output_top_logprobs];
    expect(input_token_ids_logprobs[0]).toBeNull();
    expect(chosen).toHaveLength(11);
    for (const [i, entries] of chosen.entries()) {
      expect(entries?.map(([, id]) => id)).toEqual(wanted);
      const table = new Map(all[i]?.map(([logprob, id]) => [id, logprob]));
      for (const [logprob, id] of entries ?? []) expect(logprob).toBeCloseTo(table.get(id) ?? NaN, 5);
      // A whole distribution adds up.
      const mass = [...table.values()].reduce<number>((sum, logprob) => sum + Math.exp(logprob ?? 0), 0);
      expect(mass).toBeCloseTo(1, 4);
    }
  });
});

/** Logprobs that two computations of the same positions agree on. */
function expectClose(a: readonly (number | null)[], b: readonly (number | null)[]): void {
  expect(a).toHaveLength(b.length);
  a.forEach((logprob, i) => {
    if (logprob === null) expect(b[i]).toBeNull();
    else expect(logprob).toBeCloseTo(b[i] ?? NaN, 3);
  });
}

const logprobsOf = (triples: MetaInfo['input_token_logprobs']) => triples.map(([logprob]) => logprob);

describe('a long prompt', () => {
  const body = {
    input_ids: LONG,
    return_logprob: true,
    logprob_start_len: 0,
    top_logprobs_num: 5,
    sampling_params: greedy(20),
  };
  let reply: Reply;
  beforeAll(async () => void (reply = await generate(server, body)));

  test('has its logprobs position by position, whatever the chunks', () => {
    const { input_token_logprobs, input_top_logprobs } = reply.meta_info;
    expect(input_token_logprobs.map(([, id]) => id)).toEqual(LONG);
    expect(input_top_logprobs[0]).toBeNull();
    for (const [i, top] of input_top_logprobs.entries()) {
      if (i === 0) continue;
      expect(top).toHaveLength(5);
      const logprobs = (top ?? []).map(([logprob]) => logprob ?? NaN);
      expect(logprobs).toEqual([...logprobs].sort((a, b) => b - a));
      const [own] = input_token_logprobs[i] ?? [];
      expect(own).toBeLessThanOrEqual((logprobs[0] ?? NaN) + 1e-4);
    }
  });

  test('has the same in one piece', async () => {
    const unchunked = await launch(['--chunked-prefill-size', '-1', '--max-running-requests', '2']);
    const other = await generate(unchunked, body);
    expect(outcome(other)).toEqual(outcome(reply));
    expectClose(
      logprobsOf(other.meta_info.input_token_logprobs),
      logprobsOf(reply.meta_info.input_token_logprobs),
    );
    expect(other.meta_info.input_top_logprobs.map((top) => top?.map(([, id]) => id))).toEqual(
      reply.meta_info.input_top_logprobs.map((top) => top?.map(([, id]) => id)),
    );
    await unchunked.stop();
  });

  test('has the same on top of a cached prefix', async () => {
    const again = await generate(server, { ...body, logprob_start_len: 300 });
    expect(again.meta_info.cached_tokens).toBe(300);
    expectClose(
      logprobsOf(again.meta_info.input_token_logprobs).slice(1),
      logprobsOf(reply.meta_info.input_token_logprobs).slice(301),
    );
  });
});

test('of generated tokens are those of the same tokens in a prompt', async () => {
  const input_ids = promptIds(40, 8);
  const generated = await generate(server, {
    input_ids,
    return_logprob: true,
    top_logprobs_num: 5,
    sampling_params: greedy(80),
  });
  const prompt = [...input_ids, ...generated.output_ids];
  const scored = await generate(server, {
    input_ids: prompt,
    return_logprob: true,
    logprob_start_len: 0,
    top_logprobs_num: 5,
    sampling_params: greedy(0),
  });
  expectClose(
    logprobsOf(scored.meta_info.input_token_logprobs.slice(input_ids.length)),
    logprobsOf(generated.meta_info.output_token_logprobs),
  );
  expect(scored.meta_info.input_top_logprobs.slice(input_ids.length).map((top) => top?.[0]?.[1])).toEqual(
    generated.output_ids,
  );
  expect(scored.meta_info.output_token_logprobs).toEqual([]);
});

test('a batch mixes requests with and without them', async () => {
  const prompts = [promptIds(5, 1), promptIds(150, 2), promptIds(20, 3), promptIds(60, 4), promptIds(7, 5)];
  const options = {
    return_logprob: [false, true, true, false, true],
    logprob_start_len: [-1, 0, -1, -1, 3],
    top_logprobs_num: [0, 2, 0, 0, 5],
  };
  const replies = await generateAll(server, { input_ids: prompts, ...options, sampling_params: greedy(10) });
  for (const [i, reply] of replies.entries()) {
    const alone = await generate(server, { input_ids: prompts[i], sampling_params: greedy(10) });
    expect(outcome(reply)).toEqual(outcome(alone));
    const { meta_info } = reply;
    if (!options.return_logprob[i]) {
      expect(meta_info).not.toHaveProperty('output_token_logprobs');
      continue;
    }
    const start = options.logprob_start_len[i] ?? 0;
    expect(meta_info.output_token_logprobs).toHaveLength(10);
    expect(meta_info.input_token_logprobs).toHaveLength(start < 0 ? 1 : (prompts[i] ?? []).length - start);
    const tops = options.top_logprobs_num[i] ?? 0;
    if (tops > 0) expect(meta_info.output_top_logprobs.every((top) => top?.length === tops)).toBe(true);
    else expect(meta_info).not.toHaveProperty('output_top_logprobs');
  }
});

test('of drawn tokens belong to the distribution they are drawn from', async () => {
  const input_ids = promptIds(25, 2);
  const wanted = { input_ids, return_logprob: true, top_logprobs_num: 512 };
  const [cold, hot] = [0.5, 2].map((temperature) =>
    generate(server, {
      ...wanted,
      sampling_params: { temperature, max_new_tokens: 1, sampling_seed: 1, ignore_eos: true },
    }),
  );
  const logits = (await generate(server, { ...wanted, sampling_params: greedy(1) })).meta_info;
  for (const [reply, temperature] of [[await cold, 0.5] as const, [await hot, 2] as const]) {
    const raw = (logits.output_top_logprobs[0] ?? []).map(([logprob]) => (logprob ?? NaN) / temperature);
    const norm = Math.log(raw.reduce((sum, value) => sum + Math.exp(value), 0));
    const got = (reply?.meta_info.output_top_logprobs[0] ?? []).map(([logprob]) => logprob);
    expectClose(
      got,
      raw.map((value) => value - norm),
    );
  }
});

test('nothing is left behind', () => expectClean(server));
