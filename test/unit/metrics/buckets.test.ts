import { ascending, TOKEN_COUNTS, tokenBuckets } from '../../../src/metrics/buckets';
import { METRICS } from '../../../src/metrics/table';

test.each([
  [null, TOKEN_COUNTS],
  [['default'], TOKEN_COUNTS],
  [
    ['custom', '30', '10', '20', '10'],
    [10, 20, 30],
  ],
  // Powers of 2 to both sides of 100: as many as half the count each.
  [
    ['tse', '100', '2', '6'],
    [92, 96, 98, 100, 102, 104, 108],
  ],
  // What would be below nothing is nothing.
  [
    ['tse', '3', '2', '4'],
    [0, 1, 3, 5, 7],
  ],
])('%j gives the bounds %j', (rule, bounds) => expect(tokenBuckets(rule)).toEqual(bounds));

test.each([
  [['some', '1'], /default, tse or custom/],
  [['custom'], /at least one/],
  [['custom', 'many'], /'many' is not a number/],
  [['custom', '-1'], /negative/],
  [['tse', '10', '2'], /three values/],
  [['tse', '10', '1', '4'], /above 1/],
  [['tse', '10', '2', '0'], /whole number/],
  [['default', '1'], /no values/],
])('%j is refused', (rule, message) => expect(() => tokenBuckets(rule)).toThrow(message));

test('bounds of the table are in order, each once', () => {
  for (const [name, definition] of Object.entries(METRICS)) {
    if ('buckets' in definition)
      expect([name, ascending(definition.buckets)]).toEqual([name, definition.buckets]);
  }
});
