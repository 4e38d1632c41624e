import fc from 'fast-check';
import { BLOCK, PrefixRecord, prefixesOf } from '../../../../src/tokenizer-manager/dispatch/prefix-record';

const ids = (count: number, seed = 1) => Int32Array.from({ length: count }, (_, i) => (i * seed) % 997);
const prefixes = (count: number, seed = 1) => prefixesOf(ids(count, seed), null);

it('knows how much of a prompt was sent before, in whole blocks', () => {
  const record = new PrefixRecord(1000);
  expect(record.matched(prefixes(100))).toBe(0);
  record.add(prefixes(100));
  expect(record.matched(prefixes(100))).toBe(96);
  expect(record.matched(prefixes(40))).toBe(32);
  expect(record.matched(prefixes(BLOCK - 1))).toBe(0);
  expect(record.matched(prefixesOf(Int32Array.of(...ids(50), ...ids(50, 3)), null))).toBe(48);
  expect(record.matched(prefixes(100, 3))).toBe(0);
});

it('keeps prompts of different namespaces apart', () => {
  const record = new PrefixRecord(1000);
  record.add(prefixesOf(ids(64), 'tenant'));
  expect(record.matched(prefixesOf(ids(64), 'tenant'))).toBe(64);
  expect(record.matched(prefixesOf(ids(64), 'tenanu'))).toBe(0);
  expect(record.matched(prefixesOf(ids(64), ''))).toBe(0);
});

it('forgets what was used least recently, its end first, when there is more than the cache holds', () => {
  const record = new PrefixRecord(8 * BLOCK);
  record.add(prefixes(4 * BLOCK, 3));
  record.add(prefixes(4 * BLOCK, 5));
  record.add(prefixes(2 * BLOCK, 3));
  record.add(prefixes(3 * BLOCK, 7));
  expect(record.matched(prefixes(4 * BLOCK, 3))).toBe(2 * BLOCK);
  expect(record.matched(prefixes(4 * BLOCK, 5))).toBe(3 * BLOCK);
  expect(record.matched(prefixes(3 * BLOCK, 7))).toBe(3 * BLOCK);
  record.clear();
  expect(record.matched(prefixes(3 * BLOCK, 7))).toBe(0);
});

it('matches no more than two prompts have in common, whatever they are', () => {
  const prompt = fc.array(fc.nat(3), { maxLength: 100 });
  fc.assert(
    fc.property(prompt, prompt, (one, other) => {
      const record = new PrefixRecord(10_000);
      record.add(prefixesOf(Int32Array.from(one), null));
      const common = other.findIndex((id, i) => id !== one[i]);
      const length = common === -1 ? other.length : common;
      expect(record.matched(prefixesOf(Int32Array.from(other), null))).toBe(length - (length % BLOCK));
    }),
  );
});
