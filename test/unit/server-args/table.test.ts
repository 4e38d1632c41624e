import fc from 'fast-check';

import { TABLE, type TableFlag } from '../../../src/server-args/table';
import { flagsOf } from './helpers';
import { MAIN_FLAGS, OTHER_FLAGS } from './sglang-flags';

/** The default of a flag as a user would write it, or null when it cannot be written. */
function writtenDefault(flag: TableFlag): string[] | null {
  const [name] = flag.names;
  if (flag.default === null) return null;
  if (flag.kind === 'flag') return [];
  if (Array.isArray(flag.default)) return flag.many === '*' ? [name, ...flag.default.map(String)] : null;
  if (typeof flag.default === 'object') return [name, JSON.stringify(flag.default)];
  if (flag.default === false) return null;
  const text = typeof flag.default === 'string' ? flag.default : JSON.stringify(flag.default);
  return [`${name}=${text}`];
}

const names = TABLE.flatMap((flag) => flag.names);

test.each([
  ['that matters', MAIN_FLAGS],
  ['of the remaining ones', OTHER_FLAGS],
])('every flag %s is in the table', (_, wanted) => {
  const missing = wanted.filter((name) => !names.includes(name) && name !== '--config');
  expect(missing).toEqual([]);
});

test('no name, key or field occurs twice', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(TABLE.map(({ key }) => key)).size).toBe(TABLE.length);
  expect(new Set(TABLE.map(({ field }) => field)).size).toBe(TABLE.length);
});

test('every flag has a help sentence', () => {
  expect(TABLE.filter(({ help }) => !/^[A-Z].*\.$/.test(help)).map(({ key }) => key)).toEqual([]);
});

test('a default is one of the choices', () => {
  const odd = TABLE.filter(
    (flag) =>
      flag.choices && flag.default !== null && !flag.choices.some((choice) => choice === flag.default),
  );
  expect(odd).toEqual([]);
});

test('fields carry the names of SGLang', () => {
  const fields = new Map(TABLE.map((flag) => [flag.names[0], flag.field]));
  expect(fields.get('--tensor-parallel-size')).toBe('tp_size');
  expect(fields.get('--pipeline-parallel-size')).toBe('pp_size');
  expect(fields.get('--data-parallel-size')).toBe('dp_size');
  expect(fields.get('--expert-parallel-size')).toBe('ep_size');
  expect(fields.get('--bucket-e2e-request-latency')).toBe('bucket_e2e_request_latency');
});

test('any set of flags written with their defaults gives the defaults', () => {
  fc.assert(
    fc.property(fc.subarray([...TABLE]), (flags) => {
      const argv = flags.flatMap((flag) => writtenDefault(flag) ?? []);
      const { values } = flagsOf(...argv);
      const wrong = TABLE.filter((flag) => JSON.stringify(values[flag.key]) !== JSON.stringify(flag.default));
      expect(wrong.map(({ key }) => key)).toEqual([]);
    }),
    { numRuns: 20 },
  );
  const all = TABLE.flatMap((flag) => writtenDefault(flag) ?? []);
  expect(flagsOf(...all).values).toEqual(flagsOf().values);
});
