import { convertValue } from '../../../src/server-args/convert';
import { TABLE, type TableFlag } from '../../../src/server-args/table';
import { messageOf, resolve } from './helpers';

/** A way to write the flag that asks for something else than its default. */
function otherValue(flag: TableFlag): string[] {
  const [name] = flag.names;
  if (flag.kind === 'flag') return [name];
  const allowed = flag.support.kind === 'yes' ? [] : (flag.support.allowed ?? []);
  const candidates = [...(flag.choices ?? []), '7', '{"a":1}', '[1]'].map(String);
  const text = candidates.find((candidate) => {
    try {
      const value = convertValue(flag, candidate);
      return value !== flag.default && !allowed.includes(value);
    } catch {
      return false;
    }
  });
  if (text === undefined) throw new Error(`no other value for ${name}`);
  return [name, text];
}

const of = (kind: string) => TABLE.filter(({ support }) => support.kind === kind);

test.each(of('warn').map((flag) => [flag.names[0], flag] as const))('%s warns once', (name, flag) => {
  const { warnings, args } = resolve(otherValue(flag));
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(name);
  expect(warnings[0]).toContain('has no effect');
  expect(args.given).toContain(flag.key);
});

test.each(of('reject').map((flag) => [flag.names[0], flag] as const))('%s is refused', (name, flag) => {
  const message = messageOf(() => resolve(otherValue(flag)));
  expect(message).toContain(`UsageError: argument ${name}`);
  expect(message).not.toContain('not available yet');
});

test.each(of('later').map((flag) => [flag.names[0], flag] as const))(
  '%s is not available yet',
  (name, flag) => {
    expect(messageOf(() => resolve(otherValue(flag)))).toMatch(
      new RegExp(`^UsageError: argument ${name}[^:]*: .* is not available yet$`),
    );
  },
);

test.each([
  [['--tp-size', '1', '--node-rank', '0', '--disaggregation-mode', 'null', '--kv-cache-dtype', 'auto']],
  [['--grammar-backend', 'none', '--log-requests-target', 'stdout', '--load-format', 'dummy']],
  [['--tokenizer-worker-num', '1', '--sleep-on-idle', '--schedule-policy', 'routing-key']],
])('%j asks for nothing that is missing', (argv) => {
  expect(resolve(argv).warnings).toEqual([]);
});

test('a seed command line with a kernel choice starts with one warning', () => {
  const { warnings } = resolve(['--attention-backend', 'triton', '--max-total-tokens', '20480']);
  expect(warnings).toEqual(['--attention-backend has no effect: ONNX Runtime chooses the kernels.']);
});

test('the refusal of several devices names every spelling', () => {
  expect(messageOf(() => resolve(['--tp', '2']))).toBe(
    'UsageError: argument --tensor-parallel-size/--tp-size: only 1 is supported: the server runs on one device',
  );
});
