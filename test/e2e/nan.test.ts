import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate, greedy, promptIds, Stream } from './client';
import { TEST_MODEL, launch, start } from './harness';

/** A model whose logits are NaN, because a weight of its last norm is. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'e2e-nan-'));
  cpSync(TEST_MODEL, folder, { recursive: true });
  const file = join(folder, 'model.safetensors');
  const bytes = readFileSync(file);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as {
    'model.norm.weight': { dtype: string; data_offsets: [number, number] };
  };
  const norm = header['model.norm.weight'];
  expect(norm.dtype).toBe('BF16');
  bytes.writeUInt16LE(0x7fc0, 8 + headerLength + norm.data_offsets[0]);
  writeFileSync(file, bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('does not get past the warm-up', async () => {
  const server = await start(['--model-path', folder]);
  expect(await server.exit()).toBe(1);
  const last = server.stderr.trimEnd().split('\n').at(-1);
  expect(last).toMatch(
    /^\[[^\]]+\] Initialization failed\. warmup error: the model's logits are NaN\. Its weights are damaged/,
  );
  expect(server.stderr).not.toMatch(/^\s+at /m);
  expect(server.stderr).not.toContain('fired up');
});

test.each([{ temperature: 0 }, { temperature: 1, top_p: 0.9 }])(
  'without a warm-up ends every request so that client and operator can tell (%j)',
  async (sampling) => {
    const server = await launch(['--model-path', folder, '--skip-server-warmup']);
    const body = { input_ids: promptIds(9), rid: 'mine', sampling_params: greedy(5, sampling) };
    const finish_reason = { type: 'stop', matched: 'NaN happened' };
    const whole = await generate(server, body);
    expect(whole).toMatchObject({ text: '', output_ids: [], meta_info: { finish_reason } });
    const stream = await Stream.open(server, { ...body, rid: 'streamed' });
    expect((await stream.rest()).meta_info.finish_reason).toEqual(finish_reason);
    for (const rid of ['mine', 'streamed']) {
      await server.logged(`Request ${rid} met NaN in the logits of output token 1`);
    }
    const scored = await server.post('/v1/score', {
      query: promptIds(9),
      items: [[5], [6]],
      label_token_ids: [7],
    });
    expect([scored.status, await scored.text()]).toEqual([500, expect.stringContaining('NaN happened')]);
    expect(await server.stop()).toBe(0);
  },
);
