import { suggest } from '../../../src/core/suggest';

const KNOWN = ['text', 'sampling_params', 'stream', 'rid', '--model-path', '--mem-fraction-static'];

test.each([
  ['sampling_param', 'sampling_params'],
  ['samplingParams', 'sampling_params'],
  ['smapling_params', 'sampling_params'],
  ['TEXT', 'text'],
  ['txet', 'text'],
  ['id', 'rid'],
  ['--model_path', '--model-path'],
  ['--mem-fracton-sttic', '--mem-fraction-static'],
  ['prompt', null],
  ['max_tokens', null],
  ['', null],
  ['x'.repeat(100_000), null],
])('%j was meant to be %j', (typed, meant) => expect(suggest(typed, KNOWN)).toBe(meant));

test('the nearest of several wins, the first of equals', () => {
  expect(suggest('top_l', ['top_p', 'top_k'])).toBe('top_p');
  expect(suggest('top_k', ['top_p', 'top_k'])).toBe('top_k');
  expect(suggest('x', [])).toBeNull();
});
