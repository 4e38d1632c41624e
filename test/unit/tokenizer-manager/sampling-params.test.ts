import fc from 'fast-check';
import { RequestError } from '../../../src/core/errors';
import { parseSamplingParams } from '../../../src/tokenizer-manager/sampling-params';

const CONTEXT = {
  vocabSize: 260,
  eosTokenIds: [257],
  hasTokenizer: true,
  hasGrammars: true,
  hasReasoning: true,
};
const parse = (raw: Record<string, unknown>) => parseSamplingParams(raw, CONTEXT);

function refusal(raw: Record<string, unknown>, context = CONTEXT): RequestError {
  try {
    parseSamplingParams(raw, context);
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(raw)} was accepted`);
}

it('fills in the defaults of SGLang', () => {
  expect(parse({})).toEqual({
    sampling: {
      minNewTokens: 0,
      stopTokenIds: [257],
      temperature: 1,
      topP: 1,
      topK: -1,
      minP: 0,
      frequencyPenalty: 0,
      presencePenalty: 0,
      repetitionPenalty: 1,
      logitBias: [],
      seed: null,
      grammar: null,
    },
    decode: {
      skipSpecialTokens: true,
      noStopTrim: false,
      stop: [],
      stopRegex: [],
    },
    maxNewTokens: 128,
    thinkingBudget: null,
    n: 1,
    streamInterval: null,
  });
});

it('takes null as absent, but max_new_tokens null as "until the context ends"', () => {
  const nulls = Object.fromEntries(
    ['stop', 'temperature', 'top_p', 'top_k', 'n', 'regex', 'logit_bias', 'stop_regex'].map((k) => [k, null]),
  );
  expect(parse(nulls)).toEqual(parse({}));
  expect(parse({ max_new_tokens: null }).maxNewTokens).toBeNull();
  expect(() => parse({ max_new_tokens: null, min_new_tokens: 500 })).not.toThrow();
});

it('passes every parameter on', () => {
  const parsed = parse({
    max_new_tokens: 9,
    min_new_tokens: 2,
    stop: 'x',
    stop_regex: ['a+b', '(?i)end'],
    stop_token_ids: [5, 257, 5, 128009],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 1000,
    min_p: 0.1,
    frequency_penalty: 2,
    presence_penalty: -2,
    repetition_penalty: 1.1,
    n: 3,
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
    no_stop_trim: true,
    stream_interval: 4,
    logit_bias: { '0': -100, '259': 1.5 },
    sampling_seed: 42,
  });
  expect(parsed).toEqual({
    sampling: {
      minNewTokens: 2,
      stopTokenIds: [5, 257],
      temperature: 0.5,
      topP: 0.9,
      topK: 260,
      minP: 0.1,
      frequencyPenalty: 2,
      presencePenalty: -2,
      repetitionPenalty: 1.1,
      logitBias: [
        [0, -100],
        [259, 1.5],
      ],
      seed: 42,
      grammar: null,
    },
    decode: {
      skipSpecialTokens: false,
      noStopTrim: true,
      stop: ['x'],
      stopRegex: ['a+b', '(?i)end'],
    },
    maxNewTokens: 9,
    thinkingBudget: null,
    n: 3,
    streamInterval: 4,
  });
});

it('makes temperatures close to 0 greedy', () => {
  for (const temperature of [0, 1e-7, 9.9e-7]) {
    expect(parse({ temperature, top_k: 50 }).sampling).toMatchObject({ temperature: 0, topK: 1 });
  }
  expect(parse({ temperature: 1e-6 }).sampling).toMatchObject({ temperature: 1e-6, topK: -1 });
});

it('ignores all stop tokens with ignore_eos', () => {
  expect(parse({ ignore_eos: true, stop_token_ids: [5] }).sampling.stopTokenIds).toEqual([]);
});

describe('values out of range', () => {
  it.each([
    [{ max_new_tokens: -1 }, 'max_new_tokens must be at least 0, got -1.'],
    [{ temperature: -0.5 }, 'temperature must be non-negative, got -0.5.'],
    [{ top_p: 0 }, 'top_p must be in (0, 1], got 0.'],
    [{ top_p: 1.5 }, 'top_p must be in (0, 1], got 1.5.'],
    [{ top_k: 0 }, 'top_k must be -1 (disable) or at least 1, got 0.'],
    [{ top_k: -2 }, 'top_k must be -1 (disable) or at least 1, got -2.'],
    [{ min_p: 1.1 }, 'min_p must be in [0, 1], got 1.1.'],
    [{ frequency_penalty: -2.5 }, 'frequency_penalty must be in [-2, 2], got -2.5.'],
    [{ presence_penalty: 3 }, 'presence_penalty must be in [-2, 2], got 3.'],
    [{ repetition_penalty: 2.1 }, 'repetition_penalty must be in [0, 2], got 2.1.'],
    [{ repetition_penalty: 0 }, 'repetition_penalty must be greater than 0, got 0.'],
    [{ min_new_tokens: -1 }, 'min_new_tokens must be in [0, max_new_tokens(128)], got -1.'],
    [{ min_new_tokens: 6, max_new_tokens: 5 }, 'min_new_tokens must be in [0, max_new_tokens(5)], got 6.'],
    [{ n: 0 }, 'n must be in [1, 128], got 0.'],
    [{ n: 129 }, 'n must be in [1, 128], got 129.'],
    [{ stream_interval: 0 }, 'stream_interval must be at least 1, got 0.'],
    [{ logit_bias: { '260': 1 } }, 'logit_bias must has keys in [0, 259], got 260.'],
    [{ logit_bias: { '-1': 1 } }, 'logit_bias must has keys in [0, 259], got -1.'],
    [{ logit_bias: { a: 1 } }, 'logit_bias must has keys in [0, 259], got a.'],
    [{ stop_token_ids: [-1] }, 'stop_token_ids must be at least 0, got -1.'],
    [{ stop: [''] }, 'stop must not contain an empty string.'],
    [{ stop: Array<string>(65).fill('a') }, 'stop must have at most 64 entries, got 65.'],
    [{ stop: 'a'.repeat(1025) }, 'stop entries must have at most 1024 characters, got 1025.'],
    [{ colour: 1 }, 'sampling_params has unknown key "colour".'],
    [
      { max_tokens: 1, foo: 2 },
      'sampling_params has unknown keys "max_tokens" (did you mean max_new_tokens?), "foo".',
    ],
  ])('%j', (raw, message) => {
    expect(refusal(raw)).toMatchObject({ code: 'bad_value', message });
  });

  it('names a regular expression that linear-time matching cannot do', () => {
    for (const source of ['(?=a)', '(a)\\1', '[', '(a{1000}){1000}']) {
      expect(refusal({ stop_regex: source }).message).toContain(`stop_regex ${JSON.stringify(source)}`);
    }
  });

  it('treats __proto__ as any unknown key', () => {
    const raw = JSON.parse('{"__proto__": {"temperature": 0}}') as Record<string, unknown>;
    expect(refusal(raw).message).toBe('sampling_params has unknown key "__proto__".');
    const bias = JSON.parse('{"logit_bias": {"__proto__": 1}}') as Record<string, unknown>;
    expect(refusal(bias).message).toContain('got __proto__.');
  });

  it('refuses stop texts without a tokenizer', () => {
    const context = { ...CONTEXT, hasTokenizer: false };
    expect(refusal({ stop: 'a' }, context).message).toContain('skip_tokenizer_init');
    expect(refusal({ stop_regex: 'a' }, context).message).toContain('skip_tokenizer_init');
  });
});

it('takes a budget of thoughts from custom_params', () => {
  const budget = (thinking_budget: unknown) => ({ custom_params: { thinking_budget, other: null } });
  expect(parse(budget(12)).thinkingBudget).toBe(12);
  expect(parse(budget(0)).thinkingBudget).toBe(0);
  for (const none of [null, -1]) expect(parse(budget(none)).thinkingBudget).toBeNull();
  for (const wrong of [-2, 1.5, '3', true])
    expect(refusal(budget(wrong)).message).toContain('thinking_budget must be an integer');
  expect(refusal(budget(3), { ...CONTEXT, hasReasoning: false }).message).toContain('--reasoning-parser');
});

it('refuses other custom_params as not available', () => {
  const error = refusal({ custom_params: { threshold: 1 } });
  expect(error.code).toBe('not_available');
  expect(error.message).toContain('custom_params');
});

describe('grammars', () => {
  it('refuses them without a tokenizer, without an engine, and two at a time', () => {
    const message = (context: object) => refusal({ regex: 'a' }, { ...CONTEXT, ...context }).message;
    expect(message({ hasTokenizer: false })).toContain('--skip-tokenizer-init');
    expect(message({ hasGrammars: false, hasReasoning: false })).toContain('--grammar-backend none');
    expect(refusal({ regex: 'a', ebnf: 'root ::= "a"' }).message).toBe(
      'Only one of json_schema, regex, ebnf, or structural_tag can be set.',
    );
  });

  it('takes a schema as text or as an object', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const [asText, asObject] = [JSON.stringify(schema), schema].map(
      (json_schema) => parseSamplingParams({ json_schema }, CONTEXT).sampling.grammar,
    );
    expect(asText?.kind).toBe('json');
    expect(asObject).toEqual(asText);
  });
});

describe('wrong types', () => {
  const LEGAL: Record<string, (value: unknown) => boolean> = {
    max_new_tokens: Number.isSafeInteger,
    min_new_tokens: Number.isSafeInteger,
    top_k: Number.isSafeInteger,
    n: Number.isSafeInteger,
    stream_interval: Number.isSafeInteger,
    sampling_seed: Number.isSafeInteger,
    temperature: Number.isFinite,
    top_p: Number.isFinite,
    min_p: Number.isFinite,
    frequency_penalty: Number.isFinite,
    presence_penalty: Number.isFinite,
    repetition_penalty: Number.isFinite,
    ignore_eos: (value) => typeof value === 'boolean',
    skip_special_tokens: (value) => typeof value === 'boolean',
    spaces_between_special_tokens: (value) => typeof value === 'boolean',
    no_stop_trim: (value) => typeof value === 'boolean',
    stop: (value) =>
      typeof value === 'string' || (Array.isArray(value) && value.every((s) => typeof s === 'string')),
    stop_regex: (value) =>
      typeof value === 'string' || (Array.isArray(value) && value.every((s) => typeof s === 'string')),
    stop_token_ids: (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
    logit_bias: (value) =>
      typeof value === 'object' &&
      !Array.isArray(value) &&
      Object.values(value as object).every(Number.isFinite),
  };

  it('are refused with the name of the parameter, whatever the value', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(LEGAL)), fc.jsonValue({ maxDepth: 2 }), (name, value) => {
        fc.pre(value !== null && !LEGAL[name]?.(value));
        const error = refusal({ [name]: value });
        expect(error.code).toBe('bad_request');
        expect(error.message).toContain(`sampling_params.${name}: must be`);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses infinite numbers', () => {
    expect(refusal({ temperature: 1 / 0 }).code).toBe('bad_request');
    expect(refusal({ max_new_tokens: 1e30 }).message).toBe(
      'sampling_params.max_new_tokens: must be an integer',
    );
  });
});
