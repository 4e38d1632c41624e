import { checkEnv, env, VARIABLES } from '../../../src/core/env';
import { UsageError } from '../../../src/core/errors';

test.each(['true', '1', 'yes', 'y', 'TRUE', 'Yes', ' y '])('%j is on', (text) => {
  expect(env('SGLANG_TEST_RETRACT', { SGLANG_TEST_RETRACT: text })).toBe(true);
});

test.each(['false', '0', 'no', 'n', 'No'])('%j is off', (text) => {
  const name = 'SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION';
  expect(env(name, { [name]: text })).toBe(false);
});

test('what is not set, or empty, is the default', () => {
  expect(env('SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION', {})).toBe(4096);
  expect(env('SGLANG_DRAIN_TIMEOUT', { SGLANG_DRAIN_TIMEOUT: ' ' })).toBe(
    VARIABLES.SGLANG_DRAIN_TIMEOUT.default,
  );
});

test('numbers are read as written', () => {
  expect(env('SGLANG_DRAIN_TIMEOUT', { SGLANG_DRAIN_TIMEOUT: '1.5' })).toBe(1.5);
  expect(env('SGLANG_REQ_WAITING_TIMEOUT', { SGLANG_REQ_WAITING_TIMEOUT: '5e-2' })).toBe(0.05);
  expect(env('SGLANG_RETRACT_DECODE_STEPS', { SGLANG_RETRACT_DECODE_STEPS: '+7' })).toBe(7);
});

test.each([
  ['SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION', '4k', 'a whole number of at least 1, got "4k"'],
  ['SGLANG_CLIP_MAX_NEW_TOKENS_ESTIMATION', '0', 'a whole number of at least 1, got "0"'],
  ['SGLANG_RETRACT_DECODE_STEPS', '2.5', 'a whole number of at least 0, got "2.5"'],
  ['SGLANG_INIT_NEW_TOKEN_RATIO', '1.5', 'a number of at least 0 and at most 1, got "1.5"'],
  ['SGLANG_HEALTH_CHECK_TIMEOUT', '0', 'a number above 0, got "0"'],
  ['SGLANG_DRAIN_TIMEOUT', 'Infinity', 'a number of at least -1, got "Infinity"'],
  ['SGLANG_DRAIN_TIMEOUT', '0x10', 'a number of at least -1, got "0x10"'],
  ['SGLANG_LOG_MS', 'on', 'true, 1, yes or y, or false, 0, no or n, got "on"'],
] as const)('%s=%s is refused', (name, text, expected) => {
  const refused = new UsageError(`environment variable ${name} must be ${expected}`);
  expect(() => env(name, { [name]: text })).toThrow(refused);
  expect(() => checkEnv({ [name]: text })).toThrow(refused);
});

test('every default is a value of its own variable', () => {
  for (const [name, { default: value }] of Object.entries(VARIABLES)) {
    expect([name, env(name as keyof typeof VARIABLES, { [name]: String(value) })]).toEqual([name, value]);
  }
  expect(() => checkEnv({})).not.toThrow();
});
