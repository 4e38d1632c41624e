import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = resolve('bench/peers/main.mjs');

interface Report {
  readonly results: readonly {
    readonly name: string;
    readonly startSeconds: number;
    readonly peakMiB: number;
    readonly cases: Record<string, Record<string, number | number[] | null>[]>;
  }[];
  readonly missing: readonly { readonly name: string; readonly why: string }[];
}

/** `bench/peers` where no peer is installed. */
describe('bench/peers', () => {
  const work = mkdtempSync(join(tmpdir(), 'bench-peers-'));
  afterAll(() => rmSync(work, { recursive: true }));

  test('measures this server in turns and names the peers that cannot start', async () => {
    const json = join(work, 'report.json');
    const flags = [
      '--rounds',
      '2',
      '--users',
      '1,3',
      '--prompt-len',
      '9',
      '--new-tokens',
      '8',
      '--prefill-len',
      '20',
    ];
    const noPython = join(work, 'no-python');
    const { stdout } = await run(process.execPath, [
      ...[MAIN, '--model-path', 'models/demo-chat', '--work', work, '--json', json, ...flags],
      ...['--contenders', 'float32,openvino,transformers-js'],
      ...['--openvino-python', noPython, '--transformers-python', noPython],
    ]);
    const { results, missing } = JSON.parse(readFileSync(json, 'utf8')) as Report;
    expect(results.map(({ name }) => name)).toEqual(['sglang-node float32']);
    const [own] = results;
    expect(own?.startSeconds).toBeGreaterThan(0);
    // Three processes with Node.js in each.
    expect(own?.peakMiB).toBeGreaterThan(100);
    expect(Object.keys(own?.cases ?? {})).toEqual(['prefill 20', '1 users', '3 users']);
    const threeUsers = own?.cases['3 users'] ?? [];
    expect(threeUsers.map(({ first }) => (first as number[]).length)).toEqual([3, 3]);
    for (const { ttft, between, outputRate } of threeUsers as Record<string, number>[]) {
      // A user waits for its first token and seven more, and the case takes as long as the slowest.
      const ms = (3 * 8 * 1000) / (outputRate ?? 0);
      expect(ms).toBeGreaterThanOrEqual(ttft ?? NaN);
      expect(between).toBeGreaterThan(0);
    }
    expect(missing).toEqual(
      ['openvino', 'transformers-js'].map((name) => ({ name, why: expect.stringMatching(/ENOENT/) })),
    );
    expect(stdout).toContain('Not compared: openvino');
    expect(stdout).toContain('Not compared: transformers-js');
  });

  test.each([
    ['a folder that is not there', ['--model-path', join(work, 'none')], /ENOENT/],
    [
      'a contender that it does not know',
      ['--model-path', 'models/demo-chat', '--contenders', 'x'],
      /x is none of/,
    ],
    ['a count that is none', ['--model-path', 'models/demo-chat', '--users', '1,a'], /--users 1,a/],
  ])('says in one line what is wrong: %s', async (_, flags, message) => {
    const failed = run(process.execPath, [MAIN, '--work', work, ...flags]);
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    await expect(failed).rejects.toMatchObject({ stderr: expect.stringMatching(/^[^\n]+\n$/) });
  });
});
