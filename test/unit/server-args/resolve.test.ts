import { messageOf, resolve } from './helpers';

describe('defaults', () => {
  test('of the cpu', () => {
    const { args, warnings, infos } = resolve([]);
    expect(args).toMatchObject({
      modelPath: '/package/models/demo',
      tokenizerPath: '/package/models/demo',
      servedModelName: '/package/models/demo',
      device: 'cpu',
      pageSize: 1,
      chunkedPrefillSize: 256,
      cudaGraphBs: [1, 2, 4, 8],
      memFractionStatic: 0.5,
      schedulePolicy: 'fcfs',
      enablePriorityScheduling: false,
      randomSeed: 4711,
      softWatchdogTimeout: null,
      port: 30000,
    });
    expect([...warnings, ...infos]).toEqual([]);
  });

  test('tokenizer and name follow the model path', () => {
    expect(resolve(['--model-path', 'org/model']).args).toMatchObject({
      modelPath: 'org/model',
      tokenizerPath: 'org/model',
      servedModelName: 'org/model',
    });
    expect(
      resolve(['--model-path', 'm', '--tokenizer-path', 't', '--served-model-name', 'n']).args,
    ).toMatchObject({ modelPath: 'm', tokenizerPath: 't', servedModelName: 'n' });
  });

  test('of a GPU, by its memory', () => {
    const { args } = resolve(['--device', 'cuda'], { cudaMemoryMiB: 24_000 });
    expect(args).toMatchObject({ device: 'cuda', chunkedPrefillSize: 2048, memFractionStatic: 0.843 });
    expect(args.cudaGraphBs.at(-1)).toBe(24);
  });

  test('a GPU is not used unless asked for', () => {
    expect(resolve([], { cudaMemoryMiB: 80_000 }).args).toMatchObject({
      device: 'cpu',
      chunkedPrefillSize: 256,
    });
  });

  test('with chunks off the largest prefill counts for the memory', () => {
    const { args } = resolve(['--device', 'cuda', '--chunked-prefill-size', '-1'], { cudaMemoryMiB: 50_000 });
    expect(args.chunkedPrefillSize).toBe(-1);
    expect(args.memFractionStatic).toBe(0.494);
  });

  test('given values stay', () => {
    const argv = ['--random-seed', '0', '--mem-fraction-static', '0.7', '--page-size', '16'];
    expect(resolve(argv).args).toMatchObject({ randomSeed: 0, memFractionStatic: 0.7, pageSize: 16 });
  });
});

describe('captured batch sizes', () => {
  test.each([
    [
      ['--cuda-graph-max-bs', '4'],
      [1, 2, 4],
    ],
    [
      ['--cuda-graph-max-bs', '16'],
      [1, 2, 4, 8, 12, 16],
    ],
    [
      ['--max-running-requests', '3'],
      [1, 2, 3],
    ],
    [
      ['--max-running-requests', '128', '--cuda-graph-max-bs', '4'],
      [1, 2, 4],
    ],
    [
      ['--cuda-graph-bs', '8', '1', '8', '3'],
      [1, 3, 8],
    ],
    [['--cuda-graph-bs', '1', '8', '--cuda-graph-max-bs', '4'], [1]],
    [
      ['--disable-cuda-graph-padding', '--cuda-graph-max-bs', '3'],
      [1, 2, 3],
    ],
    [['--disable-cuda-graph'], []],
  ])('%j', (argv, sizes) => {
    expect(resolve(argv).args.cudaGraphBs).toEqual(sizes);
  });

  test('a list that the maximum leaves empty is refused', () => {
    expect(messageOf(() => resolve(['--cuda-graph-bs', '8', '--cuda-graph-max-bs', '4']))).toBe(
      'UsageError: argument --cuda-graph-bs: no size is within --cuda-graph-max-bs (4)',
    );
  });

  test('the largest size is reported', () => {
    expect(resolve(['--cuda-graph-bs', '2', '6']).args.cudaGraphMaxBs).toBe(6);
  });
});

describe('checks across flags', () => {
  test('the policy named priority is fcfs with priorities', () => {
    expect(resolve(['--schedule-policy', 'priority']).args).toMatchObject({
      schedulePolicy: 'fcfs',
      enablePriorityScheduling: true,
    });
  });

  test('priorities need fcfs or lof', () => {
    expect(resolve(['--schedule-policy', 'lof', '--enable-priority-scheduling']).args.schedulePolicy).toBe(
      'lof',
    );
    expect(messageOf(() => resolve(['--schedule-policy', 'lpm', '--enable-priority-scheduling']))).toBe(
      "UsageError: To use priority scheduling, schedule_policy must be 'fcfs' or 'lof'. 'lpm' is not supported.",
    );
  });

  test('chunks are made of whole pages', () => {
    const size = (value: string) => resolve(['--page-size', '16', '--chunked-prefill-size', value]).args;
    expect(size('64').chunkedPrefillSize).toBe(64);
    expect(size('-1').chunkedPrefillSize).toBe(-1);
    expect(messageOf(() => size('100'))).toBe(
      'UsageError: argument --chunked-prefill-size: must be a multiple of --page-size (16), got 100',
    );
  });

  test('pages on a GPU are what attention there takes', () => {
    const onGpu = (...argv: string[]) => resolve(['--device', 'cuda', ...argv]).args;
    expect(onGpu().pageSize).toBe(256);
    expect(onGpu('--page-size', '16').pageSize).toBe(16);
    for (const size of ['1', '8', '24', '100']) {
      expect(messageOf(() => onGpu('--page-size', size))).toBe(
        `UsageError: argument --page-size: must be a power of two of at least 16 with --device cuda, got ${size}`,
      );
    }
    expect(messageOf(() => onGpu('--chunked-prefill-size', '100'))).toBe(
      'UsageError: argument --chunked-prefill-size: must be a multiple of --page-size (256), got 100',
    );
    expect(resolve(['--device', 'webgpu']).args.pageSize).toBe(1);
  });

  test('a served name has no colon', () => {
    expect(messageOf(() => resolve(['--served-model-name', 'a:b']))).toBe(
      "UsageError: argument --served-model-name: must not contain a colon, got 'a:b'",
    );
  });
});

describe('the soft watchdog in CI', () => {
  const env = { SGLANG_IS_IN_CI: 'true' };

  test('is set, and said so', () => {
    const { args, infos } = resolve([], { env });
    expect(args.softWatchdogTimeout).toBe(300);
    expect(infos).toEqual(['Set soft_watchdog_timeout since in CI']);
  });

  test('yields to the flag', () => {
    const { args, infos } = resolve(['--soft-watchdog-timeout', '7'], { env });
    expect(args.softWatchdogTimeout).toBe(7);
    expect(infos).toEqual([]);
  });
});

test('the arguments are frozen through and through', () => {
  const { args } = resolve(['--json-model-override-args', '{"rope": {"factor": 2}}']);
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    expect(Object.isFrozen(value)).toBe(true);
    Object.values(value).forEach(walk);
  };
  walk(args);
  expect(args.jsonModelOverrideArgs).toEqual({ rope: { factor: 2 } });
});

test('the arguments survive JSON, as they are sent to other processes', () => {
  const { args } = resolve(['--attention-backend', 'triton', '--preferred-sampling-params', '{"top_k": 1}']);
  expect(JSON.parse(JSON.stringify(args))).toEqual(args);
});

describe('the recorder of expert distributions', () => {
  const recorder = (...argv: string[]) => {
    const { args, warnings } = resolve(argv);
    return [args.expertDistributionRecorderMode, args.expertDistributionRecorderBufferSize, warnings];
  };

  it('is off by default; its metrics need it', () => {
    expect(recorder()).toEqual([null, null, []]);
    expect(recorder('--expert-distribution-recorder-mode', 'per_token')).toEqual(['per_token', 1000, []]);
    expect(recorder('--enable-expert-distribution-metrics')).toEqual(['stat', 1000, []]);
    expect(
      recorder('--enable-expert-distribution-metrics', '--expert-distribution-recorder-mode', 'per_pass'),
    ).toEqual(['per_pass', 1000, []]);
  });

  it('keeps as many passes as one says, or all', () => {
    const size = (value: string) =>
      recorder(
        '--expert-distribution-recorder-mode',
        'stat',
        '--expert-distribution-recorder-buffer-size',
        value,
      );
    expect(size('7')).toEqual(['stat', 7, []]);
    expect(size('-1')).toEqual(['stat', -1, []]);
    expect(messageOf(() => size('0'))).toContain('--expert-distribution-recorder-buffer-size');
  });

  it('counts exactly where SGLang would guess, and says so', () => {
    expect(recorder('--expert-distribution-recorder-mode', 'stat_approx')).toEqual([
      'stat_approx',
      1000,
      [expect.stringContaining('exact')],
    ]);
  });
});

describe('speculative decoding', () => {
  const drafted = (...argv: string[]) =>
    resolve(['--speculative-algorithm', 'NGRAM', ...argv]).args.speculativeNumDraftTokens;

  it('checks as many tokens as the longest n-gram has, or as are asked for', () => {
    expect(drafted()).toBe(12);
    expect(drafted('--speculative-ngram-max-match-window-size', '5')).toBe(5);
    expect(drafted('--speculative-ngram-max-match-window-size', '1')).toBe(2);
    expect(drafted('--speculative-num-draft-tokens', '8')).toBe(8);
    expect(resolve([]).args.speculativeNumDraftTokens).toBeNull();
  });

  it('takes the command lines of SGLang, with a word on what has no effect', () => {
    const { args, warnings } = resolve([
      ...['--speculative-algorithm', 'NGRAM', '--speculative-num-draft-tokens', '16'],
      ...['--speculative-ngram-capacity', '1000', '--speculative-ngram-max-bfs-breadth', '4'],
    ]);
    expect(args.speculativeAlgorithm).toBe('NGRAM');
    expect(warnings).toHaveLength(2);
  });

  it.each([
    [['--speculative-algorithm', 'EAGLE'], 'only NGRAM is supported'],
    [
      ['--speculative-algorithm', 'NGRAM', '--speculative-num-draft-tokens', '1'],
      '--speculative-num-draft-tokens',
    ],
    [
      ['--speculative-algorithm', 'NGRAM', '--speculative-ngram-min-match-window-size', '13'],
      'must not be above --speculative-ngram-max-match-window-size (12), got 13',
    ],
    [['--speculative-draft-model-path', 'small'], 'only --speculative-algorithm NGRAM is supported'],
  ])('%j is refused', (argv, reason) => {
    expect(messageOf(() => resolve(argv))).toContain(reason);
  });
});
