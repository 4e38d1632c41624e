import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectClean, generate, generateAll, greedy, streamed } from './client';
import { launch, sharedModel, type Server } from './harness';

/** What a reference implementation of the model computed. */
interface Golden {
  readonly prompt: string;
  readonly input_ids: number[];
  readonly input_token_logprobs: (number | null)[];
  readonly greedy_ids: number[];
  readonly greedy_logprobs: number[];
  readonly text: string;
}

const model = sharedModel('stories260k');

(model === null ? describe.skip : describe)('a trained model', () => {
  let server: Server;
  let cases: Golden[];
  beforeAll(async () => {
    const folder = model ?? '';
    cases = (JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as { cases: Golden[] }).cases;
    server = await launch(['--model-path', folder]);
  });

  test('tells the story that the reference tells, alone, in a batch and as a stream', async () => {
    const sampling_params = cases.map(({ greedy_ids }) => greedy(greedy_ids.length));
    const batch = await generateAll(server, { text: cases.map(({ prompt }) => prompt), sampling_params });
    for (const [i, { prompt, input_ids, greedy_ids, text }] of cases.entries()) {
      const chunks = await streamed(server, { text: prompt, sampling_params: sampling_params[i] });
      for (const reply of [batch[i], chunks.at(-1)]) {
        // Behind a prompt the text keeps the space before its first word.
        expect(reply?.text.trimStart()).toBe(text.trimStart());
        expect(reply).toMatchObject({
          output_ids: greedy_ids,
          meta_info: { prompt_tokens: input_ids.length },
        });
      }
    }
  });

  test('with the logprobs of the reference', async () => {
    for (const { prompt, input_ids, greedy_ids, greedy_logprobs, input_token_logprobs } of cases) {
      const { meta_info } = await generate(server, {
        text: prompt,
        return_logprob: true,
        logprob_start_len: 0,
        sampling_params: greedy(greedy_ids.length),
      });
      const expected = [...input_token_logprobs, ...greedy_logprobs];
      const triples = [...meta_info.input_token_logprobs, ...meta_info.output_token_logprobs];
      expect(triples.map(([, id]) => id)).toEqual([...input_ids, ...greedy_ids]);
      triples.forEach(([logprob], i) => {
        if (expected[i] === null) expect(logprob).toBeNull();
        else expect(logprob).toBeCloseTo(expected[i] ?? NaN, 3);
      });
    }
  });

  test('repeats itself less under a penalty', async () => {
    const distinct = async (params: object) =>
      new Set(
        (await generate(server, { text: 'Once', sampling_params: greedy(200, { ...params }) })).output_ids,
      ).size;
    const free = await distinct({});
    for (const name of ['frequency_penalty', 'presence_penalty']) {
      expect(await distinct({ [name]: 1.5 })).toBeGreaterThan(free);
    }
    expect(await distinct({ repetition_penalty: 1.5 })).toBeGreaterThan(free);
  });

  test('stops at a sentence', async () => {
    const { text, meta_info } = await generate(server, {
      text: 'Once upon a time',
      sampling_params: { temperature: 0, max_new_tokens: 100, stop: ['.', '!'] },
    });
    expect(text).toMatch(/^[^.!]+$/);
    expect(meta_info.finish_reason).toEqual({ type: 'stop', matched: '.' });
  });

  test('nothing is left behind', () => expectClean(server));
});
