import fc from 'fast-check';

import { readArguments } from '../../../src/server-args/argv';
import { usageErrorText } from '../../../src/server-args/command';
import { parseCommandLine } from '../../../src/server-args/parse';
import { TABLE } from '../../../src/server-args/table';
import { flagsOf, messageOf } from './helpers';

function valuesOf(...argv: string[]) {
  return flagsOf(...argv).values;
}

function errorOf(...argv: string[]): string {
  return messageOf(() => parseCommandLine(argv));
}

describe('values', () => {
  test('nothing given', () => {
    const { values, given } = flagsOf();
    expect(given.size).toBe(0);
    expect(values).toMatchObject({ modelPath: null, port: 30000, host: '127.0.0.1', schedulePolicy: 'fcfs' });
  });

  test.each([
    [['--model-path', 'a/b'], { modelPath: 'a/b' }],
    [['--model', 'a/b'], { modelPath: 'a/b' }],
    [['--port=1234'], { port: 1234 }],
    [['--port', '1_234'], { port: 1234 }],
    [['--chunked-prefill-size', '-1'], { chunkedPrefillSize: -1 }],
    [['--chunked-prefill-size=-1'], { chunkedPrefillSize: -1 }],
    [['--schedule-conservativeness', '.5'], { scheduleConservativeness: 0.5 }],
    [['--skip-server-warmup'], { skipServerWarmup: true }],
    [['--log-requests-level', '3'], { logRequestsLevel: 3 }],
    [['--log-level', 'WARNING'], { logLevel: 'warning' }],
    [['--fastapi-root-path='], { fastapiRootPath: '' }],
    [['--served-model-name', '-x y'], { servedModelName: '-x y' }],
    [['--preferred-sampling-params', '{"temperature": 0}'], { preferredSamplingParams: { temperature: 0 } }],
    [['--cuda-graph-bs', '1', '2', '--port', '1'], { cudaGraphBs: [1, 2], port: 1 }],
    [
      ['--uvicorn-access-log-exclude-prefixes', '/health', '/metrics'],
      { uvicornAccessLogExcludePrefixes: ['/health', '/metrics'] },
    ],
    [
      ['--uvicorn-access-log-exclude-prefixes', '--port', '1'],
      { uvicornAccessLogExcludePrefixes: [], port: 1 },
    ],
    [['--debug-tensor-dump-inject', 'True'], { debugTensorDumpInject: 'True' }],
  ])('%j', (argv, expected) => {
    expect(valuesOf(...argv)).toMatchObject(expected);
  });

  test('the last of several occurrences counts, lists included', () => {
    expect(valuesOf('--port', '1', '--port', '2').port).toBe(2);
    expect(valuesOf('--cuda-graph-bs', '1', '2', '--cuda-graph-bs', '4').cudaGraphBs).toEqual([4]);
  });

  test('an overridden occurrence is checked all the same', () => {
    expect(errorOf('--port', 'x', '--port', '2')).toContain("invalid int value: 'x'");
  });

  test('any text reaches a text flag unchanged, behind an equals sign', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
        expect(valuesOf(`--weight-version=${text}`).weightVersion).toBe(text);
      }),
      { numRuns: 30 },
    );
  });
});

describe('abbreviations', () => {
  test.each([
    [['--max-total-token', '1536'], { maxTotalTokens: 1536 }],
    [['--context-len=8192'], { contextLength: 8192 }],
    [['--disable-radix'], { disableRadixCache: true }],
    [['--tp', '1'], { tpSize: 1 }],
    [['--dp', '1'], { dpSize: 1 }],
    [['--ep', '1'], { epSize: 1 }],
  ])('%j', (argv, expected) => {
    expect(valuesOf(...argv)).toMatchObject(expected);
  });

  test('an ambiguous one names its candidates, before any other error', () => {
    expect(errorOf('--port', 'x', '--pp', '1')).toBe(
      'UsageError: ambiguous option: --pp could match --pp-max-micro-batch-size, --pp-async-batch-depth, --pp-size',
    );
    expect(errorOf('--max-lora=1')).toContain('ambiguous option: --max-lora=1 could match --max-lora-rank, ');
  });

  test('two names of one flag are not ambiguous', () => {
    const option = { names: ['--draft-model-path', '--draft-model'], kind: 'str' } as const;
    expect(readArguments(['--draft', 'x'], [option]).occurrences).toEqual([{ option, values: ['x'] }]);
  });
});

describe('errors', () => {
  test.each([
    [['--port'], 'argument --port: expected one argument'],
    [['--port', '--host', 'x'], 'argument --port: expected one argument'],
    [['--cuda-graph-bs'], 'argument --cuda-graph-bs: expected at least one argument'],
    [['--port', 'abc'], "argument --port: invalid int value: 'abc'"],
    [['--port', '1.5'], "argument --port: invalid int value: '1.5'"],
    [['--port', "it's"], 'argument --port: invalid int value: "it\'s"'],
    [['--random-seed', '9007199254740993'], "argument --random-seed: invalid int value: '9007199254740993'"],
    [['--watchdog-timeout', 'inf'], "argument --watchdog-timeout: invalid float value: 'inf'"],
    [
      ['--schedule-policy', 'x'],
      "argument --schedule-policy: invalid choice: 'x' (choose from 'lpm', 'random', 'fcfs', 'dfs-weight', 'lof', 'routing-key', 'priority')",
    ],
    [
      ['--log-requests-level', '4'],
      'argument --log-requests-level: invalid choice: 4 (choose from 0, 1, 2, 3)',
    ],
    [['--tp', 'x'], "argument --tensor-parallel-size/--tp-size: invalid int value: 'x'"],
    [['--skip-server-warmup=1'], "argument --skip-server-warmup: ignored explicit argument '1'"],
    [['--preferred-sampling-params', '{'], "argument --preferred-sampling-params: invalid loads value: '{'"],
    [
      ['--preferred-sampling-params', '[]'],
      "argument --preferred-sampling-params: invalid loads value: '[]'",
    ],
    [
      ['--json-model-override-args', 'null'],
      "argument --json-model-override-args: invalid loads value: 'null'",
    ],
    [['--forward-hooks', '{}'], "argument --forward-hooks: invalid json_list_type value: '{}'"],
    [['--port', '65536'], 'argument --port: must be at least 0 and at most 65535, got 65536'],
    [['--max-running-requests', '0'], 'argument --max-running-requests: must be at least 1, got 0'],
    [['--max-queued-requests', '0'], 'argument --max-queued-requests: must be at least 1, got 0'],
    [['--chunked-prefill-size', '0'], 'argument --chunked-prefill-size: must be -1 or at least 1, got 0'],
    [['--mem-fraction-static', '1'], 'argument --mem-fraction-static: must be above 0 and below 1, got 1'],
    [['--cuda-graph-bs', '1', '0'], 'argument --cuda-graph-bs: must be at least 1 and at most 65536, got 0'],
    [['--api-key', ''], 'argument --api-key: must not be empty'],
    [['--model', ''], 'argument --model-path/--model: must not be empty'],
    [['--bogus', '1', '--port', '2', 'rest'], 'unrecognized arguments: --bogus 1 rest'],
    [['model'], 'unrecognized arguments: model'],
    [['-x'], 'unrecognized arguments: -x'],
    [['--port', '1', '--', '--host'], 'unrecognized arguments: -- --host'],
    [['--skip-server-warmup', 'true'], 'unrecognized arguments: true'],
    [['--quantization', 'fp7'], 'argument --quantization: invalid choice'],
    [['--bogus', '--port', 'x'], "argument --port: invalid int value: 'x'"],
  ])('%j', (argv, message) => {
    expect(errorOf(...argv)).toContain(`UsageError: ${message}`);
  });

  test('the text for stderr is that of argparse', () => {
    expect(usageErrorText('unrecognized arguments: x')).toMatch(
      /^usage: launch_server \[-h\] .*\nlaunch_server: error: unrecognized arguments: x\n$/,
    );
  });

  test('no flag lets a value of an unknown kind through', () => {
    const numeric = TABLE.filter(({ kind }) => kind === 'int' || kind === 'float');
    expect(numeric.length).toBeGreaterThan(50);
    for (const { names, kind } of numeric) {
      expect(errorOf(names[0], 'none')).toContain(`invalid ${kind} value: 'none'`);
    }
  });
});

describe('texts', () => {
  test.each(['-h', '--help'])('%s prints the flags that people reach for', (name) => {
    const line = parseCommandLine(['--port', '1', name]);
    if (line.kind !== 'print') throw new Error('expected a text');
    expect(line.text.split('\n').length).toBeLessThan(120);
    expect(line.text).toContain('--model-path, --model MODEL_PATH');
    expect(line.text).toContain('--help-all');
    expect(line.text).not.toContain('without effect');
  });

  test.each([
    [['--contxt-length', '5'], '--contxt-length 5 (did you mean --context-length?)'],
    [['--api_key', 'x'], '--api_key x (did you mean --api-key?)'],
    [['--modelpath', 'x', '--prot', '1'], '(did you mean --model-path, --port?)'],
  ])('%j is told what may have been meant', (argv, message) => {
    expect(() => parseCommandLine(argv)).toThrow(message);
  });

  test('--help-all prints every flag', () => {
    const line = parseCommandLine(['--port', '1', '--help-all']);
    if (line.kind !== 'print') throw new Error('expected a text');
    expect(TABLE.filter(({ names }) => !line.text.includes(names[0]))).toEqual([]);
    expect(line.text).toContain('--model-path, --model MODEL_PATH');
    expect(line.text).toContain('--config <file>');
    expect(line.text).toMatch(/--export-metrics-to-file\n.*not available yet/s);
  });

  test('--version prints the version of the package', () => {
    expect(parseCommandLine(['--version'])).toEqual({
      kind: 'print',
      text: expect.stringMatching(/^sglang-node \d+\.\d+\.\d+\n$/),
    });
  });
});
