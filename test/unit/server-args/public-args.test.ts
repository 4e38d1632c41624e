import { formatServerArgs, toPublicArgs } from '../../../src/server-args/public-args';
import { pythonRepr } from '../../../src/logging/python-repr';
import { TABLE } from '../../../src/server-args/table';
import { resolve } from './helpers';

const publicArgs = (...argv: string[]) => toPublicArgs(resolve(argv).args);

test('every flag is there under its field name', () => {
  const fields = publicArgs();
  expect(Object.keys(fields)).toEqual(TABLE.map(({ field }) => field));
  expect(Object.values(fields)).not.toContain(undefined);
  expect(fields).toMatchObject({
    model_path: '/package/models/demo',
    tp_size: 1,
    ep_size: 1,
    chunked_prefill_size: 256,
    cuda_graph_max_bs: 8,
    cuda_graph_bs: [1, 2, 4, 8],
    max_running_requests: null,
    disaggregation_mode: 'null',
    json_model_override_args: '{}',
    preferred_sampling_params: null,
    speculative_algorithm: null,
    uvicorn_access_log_exclude_prefixes: [],
  });
});

test('flags without effect are reported as given', () => {
  expect(publicArgs('--attention-backend', 'triton')['attention_backend']).toBe('triton');
});

test('resolved values win over those given', () => {
  expect(publicArgs('--schedule-policy', 'priority')).toMatchObject({
    schedule_policy: 'fcfs',
    enable_priority_scheduling: true,
  });
});

test('secrets are never shown', () => {
  const { args } = resolve(['--api-key', 'top-secret', '--admin-api-key', 'more-secret']);
  expect(toPublicArgs(args)).toMatchObject({ api_key: '***', admin_api_key: '***' });
  expect(publicArgs()).toMatchObject({ api_key: null, admin_api_key: null });
  expect(JSON.stringify(toPublicArgs(args)) + formatServerArgs(args)).not.toContain('secret');
});

test('the log line is in the style of Python', () => {
  const { args } = resolve([
    '--model-path',
    'a/b',
    '--preferred-sampling-params',
    '{"stop": ["it\'s"], "n": 1}',
  ]);
  const line = formatServerArgs(args);
  expect(line).toMatch(/^ServerArgs\(model_path='a\/b', tokenizer_path='a\/b', .*\)$/);
  expect(line).toContain(', context_length=None, ');
  expect(line).toContain(', skip_tokenizer_init=False, ');
  expect(line).toContain(', schedule_conservativeness=1.0, ');
  expect(line).toContain(', cuda_graph_bs=[1, 2, 4, 8]');
  expect(line).not.toContain('moe_a2a_backend');
  expect(formatServerArgs(resolve(['--attention-backend', 'triton']).args)).toContain(
    "attention_backend='triton'",
  );
  expect(line).toContain(`, preferred_sampling_params={'stop': ["it's"], 'n': 1}, `);
});

test.each([
  [null, 'None'],
  [true, 'True'],
  [1.5, '1.5'],
  ['it\'s "so"', `'it\\'s "so"'`],
  ['a\nb\\\u0000', "'a\\nb\\\\\\x00'"],
  [['a', null], "['a', None]"],
])('repr of %j', (value, text) => {
  expect(pythonRepr(value)).toBe(text);
});
