import { DEFAULT_GENERATE_REQUEST, type GenerateRequest } from '../../../src/tokenizer-manager';
import { fanOut } from '../../../src/tokenizer-manager/fan-out';

const CONTEXT = {
  vocabSize: 260,
  eosTokenIds: [257],
  hasTokenizer: true,
  hasGrammars: true,
  hasReasoning: true,
};

function fan(overrides: Partial<GenerateRequest>, preferred: Record<string, unknown> | null = null) {
  return fanOut({ ...DEFAULT_GENERATE_REQUEST, ...overrides }, preferred, CONTEXT);
}

describe('prompts', () => {
  it('one text is no batch', () => {
    const { prompts, n, isBatch } = fan({ text: 'a' });
    expect({ n, isBatch, size: prompts.length }).toEqual({ n: 1, isBatch: false, size: 1 });
    expect(prompts[0]).toMatchObject({ text: 'a', inputIds: null, logprobs: null, extraKey: null });
    expect(prompts[0]?.rids[0]).toMatch(/^[0-9a-f]{32}$/);
  });

  it('a list is a batch, also with one entry or none', () => {
    expect(fan({ text: ['a'] })).toMatchObject({ isBatch: true, prompts: [{ text: 'a' }] });
    expect(fan({ inputIds: [[1], [2, 3]] })).toMatchObject({
      isBatch: true,
      prompts: [{ inputIds: [1] }, { inputIds: [2, 3] }],
    });
    expect(fan({ text: [] })).toMatchObject({ isBatch: true, prompts: [] });
  });

  it('refuses ids beside a text', () => {
    const message = 'text and input_ids cannot be provided at the same time';
    expect(() => fan({ text: 'a', inputIds: [7] })).toThrow(message);
    expect(() => fan({ text: ['a', 'b'], inputIds: [[7], [8]] })).toThrow(message);
  });

  it.each([
    [{}, 'Either text or input_ids should be provided.'],
    [{ inputIds: [] }, 'input_ids cannot be empty.'],
    [{ inputIds: [[1], []] }, 'input_ids cannot be empty.'],
    [
      { text: Array<string>(10_001).fill('a') },
      'A request must have at most 10000 prompts times samples, got 10001.',
    ],
    [
      { text: Array<string>(100).fill('a'), samplingParams: { n: 128 } },
      'A request must have at most 10000 prompts times samples, got 12800.',
    ],
  ])('refuses %#', (overrides, message) => {
    expect(() => fan(overrides)).toThrow(message);
  });
});

describe('options', () => {
  it('hold for all prompts, or for one each', () => {
    const { prompts } = fan({
      text: ['a', 'b'],
      samplingParams: [{ temperature: 0 }, { top_p: 0.5 }],
      returnLogprob: [true, false],
      logprobStartLen: [0, 1],
      topLogprobsNum: 3,
      tokenIdsLogprob: [[1, 2], [3]],
      extraKey: ['x', 'y'],
    });
    expect(prompts[0]).toMatchObject({
      params: { sampling: { temperature: 0 } },
      logprobs: { startLen: 0, topNum: 3, tokenIds: [1, 2] },
      extraKey: 'x',
    });
    expect(prompts[1]).toMatchObject({ params: { sampling: { topP: 0.5 } }, logprobs: null, extraKey: 'y' });
  });

  it('gives a flat list of ids to every prompt, whatever its length', () => {
    const { prompts } = fan({ text: ['a', 'b'], returnLogprob: true, tokenIdsLogprob: [1, 2] });
    expect(prompts.map(({ logprobs }) => logprobs?.tokenIds)).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it('merges the request over the preferred parameters', () => {
    const preferred = { temperature: 0.3, max_new_tokens: 7 };
    const [prompt] = fan({ text: 'a', samplingParams: { temperature: 0.6 } }, preferred).prompts;
    expect(prompt).toMatchObject({
      params: { maxNewTokens: 7, sampling: { temperature: 0.6 } },
      isMaxNewTokensGiven: false,
    });
    expect(fan({ text: 'a', samplingParams: { max_new_tokens: 8 } }, preferred).prompts[0]).toMatchObject({
      params: { maxNewTokens: 8 },
      isMaxNewTokensGiven: true,
    });
  });

  it.each([
    [
      { text: ['a', 'b'], samplingParams: [{}] },
      'The length of sampling_params should be equal to the batch size.',
    ],
    [
      { text: ['a', 'b'], topLogprobsNum: [1] },
      'The length of top_logprobs_num should be equal to the batch size.',
    ],
    [{ text: 'a', returnLogprob: [true] }, 'return_logprob should not be a list for a single prompt.'],
    [{ text: ['a', 'b'], rid: ['x'] }, 'The length of rid should be equal to the batch size.'],
    [{ text: 'a', rid: ['x'] }, 'rid should not be a list for a single prompt.'],
    [{ text: 'a', rid: '' }, 'rid must have 1 to 256 characters, got 0.'],
    [{ text: 'a', rid: 'x\ny' }, 'rid must not contain control characters.'],
    [{ text: 'a', rid: 'x\ud800' }, 'rid must be well-formed Unicode.'],
    [{ text: ['a', 'b'], rid: ['x', '\udc00y'] }, 'rid must be well-formed Unicode.'],
    [{ text: 'a', extraKey: '\ud800' }, 'extra_key must be well-formed Unicode.'],
    [{ text: 'a', routingKey: '\ud800' }, 'routing_key must be well-formed Unicode.'],
    [
      { text: ['a', 'b'], samplingParams: [{ n: 1 }, { n: 2 }] },
      'The parallel_sample_num should be the same for all samples in sample params.',
    ],
    [
      { text: ['a'], samplingParams: { n: 2 }, topLogprobsNum: [1] },
      'Cannot use list top_logprobs_num with parallel_sample_num > 1',
    ],
    [
      { text: ['a'], samplingParams: { n: 2 }, tokenIdsLogprob: [[1]] },
      'Cannot use list token_ids_logprob with parallel_sample_num > 1',
    ],
  ])('refuses %#', (overrides, message) => {
    expect(() => fan(overrides)).toThrow(message);
  });
});

describe('request ids', () => {
  const rids = (overrides: Partial<GenerateRequest>) => fan(overrides).prompts.map((prompt) => prompt.rids);

  it('are taken over, or numbered where one name serves several', () => {
    expect(rids({ text: 'a', rid: 'r' })).toEqual([['r']]);
    expect(rids({ text: ['a', 'b'], rid: 'r' })).toEqual([['r_0'], ['r_1']]);
    expect(rids({ text: ['a', 'b'], rid: ['x', 'y'] })).toEqual([['x'], ['y']]);
    expect(rids({ text: 'a', rid: 'r', samplingParams: { n: 2 } })).toEqual([['r_0', 'r_1']]);
    expect(rids({ text: ['a', 'b'], rid: 'r', samplingParams: { n: 2 } })).toEqual([
      ['r_0', 'r_1'],
      ['r_2', 'r_3'],
    ]);
    expect(rids({ text: ['a', 'b'], rid: ['x', 'y'], samplingParams: { n: 2 } })).toEqual([
      ['x_0', 'x_1'],
      ['y_0', 'y_1'],
    ]);
  });

  it('are different when drawn', () => {
    const drawn = rids({ text: ['a', 'b'], samplingParams: { n: 3 } }).flat();
    expect(new Set(drawn).size).toBe(6);
  });
});
