import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseCommandLine } from '../../../src/server-args/parse';
import { flagsOf, messageOf } from './helpers';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'server-args-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(text: string, name = 'flags.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function errorOf(...argv: string[]): string {
  return messageOf(() => parseCommandLine(argv));
}

test('keys with dashes or underscores, scalars, flags, lists and objects', () => {
  const path = fileWith(`
model-path: some/model
max_running_requests: 8
schedule_conservativeness: 1.5
skip-server-warmup: true
log_requests: no
stream-output: false
cuda-graph-bs: [1, 2]
uvicorn_access_log_exclude_prefixes: []
random-seed: null
chunked-prefill-size: -1
weight-version: --odd
preferred-sampling-params: {temperature: 0.5}
json_model_override_args: '{"a": 1}'
tp: 1
`);
  const { values, given } = flagsOf('--config', path);
  expect(values).toMatchObject({
    modelPath: 'some/model',
    maxRunningRequests: 8,
    scheduleConservativeness: 1.5,
    skipServerWarmup: true,
    logRequests: false,
    streamOutput: false,
    cudaGraphBs: [1, 2],
    randomSeed: null,
    chunkedPrefillSize: -1,
    weightVersion: '--odd',
    preferredSamplingParams: { temperature: 0.5 },
    jsonModelOverrideArgs: { a: 1 },
    tpSize: 1,
  });
  expect(given.has('logRequests')).toBe(false);
  expect(given.has('randomSeed')).toBe(false);
  expect(given.has('uvicornAccessLogExcludePrefixes')).toBe(false);
});

test('the command line wins, on either side of --config', () => {
  const path = fileWith('port: 1\nhost: file\ncuda-graph-bs: [1, 2]\n');
  const { values } = flagsOf('--port', '2', `--config=${path}`, '--cuda-graph-bs', '4');
  expect(values).toMatchObject({ port: 2, host: 'file', cudaGraphBs: [4] });
});

test.each(['', '# nothing\n', 'null\n'])('an empty file changes nothing: %j', (text) => {
  expect(flagsOf('--config', fileWith(text, 'empty.yml')).values).toEqual(flagsOf().values);
});

test.each([
  ['- port', 'Config file must contain a dictionary at root level'],
  ['just text', 'Config file must contain a dictionary at root level'],
  ['bogus_key: 3', 'unrecognized arguments: --bogus-key 3'],
  ['config: other.yaml', 'unrecognized arguments: --config other.yaml'],
  ['port=5: 6', 'unrecognized arguments: --port=5 6'],
  ['port: abc', "argument --port: invalid int value: 'abc'"],
  ['port: [1, 2]', 'argument --port: expected one argument, got the list [1, 2]'],
  ['log-requests: 1', 'argument --log-requests: expected true or false, got 1'],
  ['max-lora: 1', 'ambiguous option: --max-lora could match --max-lora-rank, '],
])('%s', (text, message) => {
  const error = errorOf('--config', fileWith(text));
  expect(error).toMatch(/^UsageError: /);
  expect(error).toContain(message);
});

test('a file that is no YAML', () => {
  expect(errorOf('--config', fileWith('a: [1'))).toMatch(
    /^UsageError: Config file .*flags\.yaml cannot be read: /,
  );
});

test('a folder in place of a file', () => {
  expect(errorOf('--config', folder)).toBe('UsageError: Config file must be YAML format, got: ');
});

test.each([
  [['--config'], 'No config file specified after --config flag!'],
  [['--config', '--port', '1'], 'No config file specified after --config flag!'],
  [['--config', 'a.yaml', '--config', 'b.yaml'], 'Multiple config files specified! Only one allowed.'],
  [['--config', 'flags.json'], 'Config file must be YAML format, got: .json'],
  [['--config', '/nowhere/flags.yaml'], 'Config file not found: /nowhere/flags.yaml'],
])('%j', (argv, message) => {
  expect(errorOf(...argv)).toBe(`UsageError: ${message}`);
});

test('what stands behind the file belongs to nothing', () => {
  expect(errorOf('--config', fileWith('port: 1'), 'more')).toBe('UsageError: unrecognized arguments: more');
});
