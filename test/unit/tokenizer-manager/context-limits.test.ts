import fc from 'fast-check';
import { RequestError } from '../../../src/core/errors';
import { fitToContext } from '../../../src/tokenizer-manager/context-limits';

const LIMITS = { contextLen: 64, maxReqInputLen: 58, autoTruncate: false };

it('lets through what fits', () => {
  expect(fitToContext(10, 20, true, LIMITS)).toEqual({ promptTokens: 10, maxNewTokens: 20 });
  expect(fitToContext(10, 53, true, LIMITS)).toEqual({ promptTokens: 10, maxNewTokens: 53 });
});

it('fills the context where no number is given', () => {
  expect(fitToContext(10, null, false, LIMITS)).toEqual({ promptTokens: 10, maxNewTokens: 53 });
});

it('lowers the default silently', () => {
  expect(fitToContext(10, 128, false, LIMITS)).toEqual({ promptTokens: 10, maxNewTokens: 53 });
});

it('refuses a prompt as long as the context, with both numbers', () => {
  expect(() => fitToContext(64, null, false, LIMITS)).toThrow(
    new RequestError(
      'bad_value',
      "The input (64 tokens) is longer than the model's context length (64 tokens).",
    ),
  );
});

it('refuses a request that does not fit, with all numbers', () => {
  expect(() => fitToContext(10, 54, true, LIMITS)).toThrow(
    new RequestError(
      'bad_value',
      "Requested token count exceeds the model's maximum context length of 64 tokens. You requested a total of 64 " +
        'tokens: 10 tokens from the input messages and 54 tokens for the completion. Please reduce the number of ' +
        'tokens in the input messages or the completion to fit within the limit.',
    ),
  );
});

it('cuts everything to size with auto-truncate', () => {
  const limits = { ...LIMITS, autoTruncate: true };
  expect(fitToContext(1000, null, false, limits)).toEqual({ promptTokens: 58, maxNewTokens: 5 });
  fc.assert(
    fc.property(fc.nat(500), fc.option(fc.nat(1e9)), fc.boolean(), (prompt, max, isGiven) => {
      const { promptTokens, maxNewTokens } = fitToContext(prompt, max, isGiven, limits);
      expect(promptTokens).toBeLessThanOrEqual(Math.min(prompt, 58));
      expect(promptTokens + maxNewTokens).toBeLessThan(64);
      expect(maxNewTokens).toBeGreaterThanOrEqual(0);
    }),
  );
});
