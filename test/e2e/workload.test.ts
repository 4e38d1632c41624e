import { expectClean, generate, greedy, outcome, promptIds, Stream } from './client';
import { launch, type Server } from './harness';

/** The same work under flags that change how it is scheduled: the same results, and nothing left behind. */

interface Job {
  readonly body: { input_ids: number[]; sampling_params: object; return_logprob?: boolean };
  readonly kind: 'whole' | 'stream' | 'dropped';
}

/** Numbers in [0, below) that are the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

/** Prompts of 1 to 400 tokens that share prefixes of several lengths; outputs of 1 to 80 tokens. */
function workload(count: number): Job[] {
  const next = numbers(7);
  const trunks = [promptIds(360, 1), promptIds(250, 2), [...promptIds(130, 1), ...promptIds(150, 3)]];
  const kinds = ['whole', 'whole', 'stream', 'stream', 'dropped'] as const;
  return Array.from({ length: count }, (_, i) => {
    const trunk = trunks[next(trunks.length)]?.slice(0, next(380)) ?? [];
    const own = Array.from({ length: 1 + next(20) }, () => 3 + next(480));
    const kind = kinds[i % kinds.length] ?? 'whole';
    const drawn = { temperature: 1.1, sampling_seed: i, max_new_tokens: 1 + next(40) };
    return {
      kind,
      body: {
        input_ids: [...trunk, ...own],
        sampling_params: kind === 'dropped' ? greedy(1000) : i % 4 === 3 ? drawn : greedy(1 + next(80)),
        ...(i % 7 === 0 ? { return_logprob: true, logprob_start_len: 0 } : {}),
      },
    };
  });
}

const JOBS = workload(50);

/** What the jobs give; a dropped one gives nothing. */
async function runAll(server: Server, jobs: readonly Job[]) {
  return Promise.all(
    jobs.map(async ({ body, kind }) => {
      if (kind === 'whole') return outcome(await generate(server, body));
      const stream = await Stream.open(server, body);
      if (kind === 'stream') return outcome(await stream.rest());
      await stream.until();
      stream.drop();
      return null;
    }),
  );
}

let alone: object[];
beforeAll(async () => {
  const server = await launch([
    '--disable-radix-cache',
    '--chunked-prefill-size',
    '-1',
    '--max-running-requests',
    '1',
  ]);
  alone = [];
  for (const { body, kind } of JOBS) {
    alone.push(kind === 'dropped' ? {} : outcome(await generate(server, body)));
  }
  await expectClean(server);
  await server.stop();
});

/** Room for a few of the requests at a time. */
const SMALL = ['--max-total-tokens', '1600', '--chunked-prefill-size', '128'];

const variants: [string, string[]][] = [
  ['a small cache and small chunks', [...SMALL, '--schedule-policy', 'fcfs']],
  ['longest prefix first', [...SMALL, '--schedule-policy', 'lpm', '--radix-eviction-policy', 'lfu']],
  [
    'prefix tree order, without overlap',
    [...SMALL, '--schedule-policy', 'dfs-weight', '--disable-overlap-schedule'],
  ],
  ['pages of 16 tokens', ['--max-total-tokens', '2048', '--chunked-prefill-size', '64', '--page-size', '16']],
  ['no chunks and no overlap', ['--chunked-prefill-size', '-1', '--disable-overlap-schedule']],
  ['no prefix cache', [...SMALL, '--disable-radix-cache', '--prefill-max-requests', '3']],
  ['random order', ['--schedule-policy', 'random', '--max-prefill-tokens', '200']],
];

test.each(variants)('%s', async (_what, flags) => {
  const server = await launch(flags);
  // Twice: with a cold cache, and with what the first round left in it.
  for (let round = 0; round < 2; round++) {
    const results = await runAll(server, JOBS);
    results.forEach((result, i) => {
      if (result !== null) expect({ i, ...result }).toEqual({ i, ...alone[i] });
    });
  }
  await expectClean(server);
  await server.stop();
});

describe('retraction', () => {
  const bodies = Array.from({ length: 6 }, (_, i) => ({
    input_ids: promptIds(40, i),
    sampling_params: i % 2 === 0 ? greedy(200) : { temperature: 1, sampling_seed: i, max_new_tokens: 200 },
    return_logprob: i === 2,
  }));
  const running: [string, string[], NodeJS.ProcessEnv][] = [
    ['where memory runs out', ['--max-total-tokens', '700', '--schedule-conservativeness', '0.05'], {}],
    ['where a test forces it', [], { SGLANG_TEST_RETRACT: 'true' }],
  ];
  test.each(running)('%s changes no result', async (_what, flags, env) => {
    const server = await launch(flags, env);
    const together = await Promise.all(bodies.map((body) => generate(server, body)));
    expect(server.stderr).toMatch(
      /KV cache pool is full\. Retract requests\. #retracted_reqs: \d+, #new_tokens_gained: \d+, #new_token_ratio: \d\.\d{4} -> \d\.\d{4}/,
    );
    const retractions = together.reduce((sum, { meta_info }) => sum + meta_info.total_retractions, 0);
    expect(retractions).toBeGreaterThan(0);
    for (const [i, body] of bodies.entries()) {
      const reply = await generate(server, body);
      expect(reply.meta_info.total_retractions).toBe(0);
      expect(outcome(together[i] ?? reply)).toEqual(outcome(reply));
    }
    expect(together[2]?.meta_info.output_token_logprobs).toHaveLength(200);
    await expectClean(server);
    await server.stop();
  });
});
