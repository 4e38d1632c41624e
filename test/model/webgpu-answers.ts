import { join } from 'node:path';
import type { Backend } from '../../src/model-runner/backends/backend';
import { WebGpuBackend } from '../../src/model-runner/backends/webgpu/webgpu-backend';
import { loadModelRunner, type GenerationModel } from '../../src/model-runner/load';
import { vectorsOn } from './embedder';
import { CHECKPOINTS, Engine, serverArgs, type Result } from './support';

/** What is asked on devices of WebGPU, whatever they compute in. */

export const FOLDER = join(CHECKPOINTS, 'random-qwen2');
export const LOGPROBS = { startLen: -1, topNum: 0, tokenIds: null };

/** Prompts of 5 to 65 tokens, some with a prefix in common; their outputs end at different times, so that rows move. */
export const REQUESTS = Array.from({ length: 6 }, (_, i) => ({
  prompt: Array.from(
    { length: 5 + 12 * i },
    (__, j) => 3 + (((i % 3) * 31 + j * 17 + (j > 20 ? i * 7 : 0)) % 400),
  ),
  sampling: { maxNewTokens: 4 + 2 * (i % 3) },
  logprobs: LOGPROBS,
}));

export const onDevice = (
  flags: readonly string[],
  folder = FOLDER,
  backend: Backend = new WebGpuBackend(),
): Promise<Engine> =>
  Engine.start(folder, ['--device', 'webgpu', '--max-total-tokens', '1024', ...flags], undefined, {
    backend,
  });

export const askAll = (engine: Engine): Promise<Result[]> =>
  Promise.all(REQUESTS.map((request) => engine.generate(request)));

/** The answers of the CPU, one after the other. */
export async function answersOfCpu(): Promise<Result[]> {
  const cpu = await Engine.start(FOLDER, ['--max-total-tokens', '1024']);
  const answers: Result[] = [];
  for (const request of REQUESTS) answers.push(await cpu.generate(request));
  await cpu.close();
  expect(new Set(answers.map(({ ids }) => ids.join())).size).toBeGreaterThan(3);
  return answers;
}

/** The same tokens, with log-probabilities that differ by less than the tolerance. */
export function expectNear(actual: readonly Result[], expected: readonly Result[], tolerance: number): void {
  expect(actual.map(({ ids }) => ids)).toEqual(expected.map(({ ids }) => ids));
  const values = (results: readonly Result[]) =>
    results.flatMap(({ inputLogprobs, outputLogprobs }) =>
      [...inputLogprobs, ...outputLogprobs].map(({ token }) => token[0]),
    );
  expectAllNear(values(actual), values(expected), tolerance);
}

/** @param expected null where no value is to be */
export function expectAllNear(
  actual: readonly (number | null)[],
  expected: readonly (number | null)[],
  tolerance: number,
): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, at) => {
    if (value === null) expect(actual[at]).toBeNull();
    else expect(Math.abs((actual[at] ?? NaN) - value)).toBeLessThan(tolerance);
  });
}

/** A short answer of a checkpoint by the CPU and by the device, with the log-probabilities of its prompt. */
export async function compareCheckpoint(name: string, dtype: string, tolerance: number): Promise<void> {
  const folder = join(CHECKPOINTS, name);
  const flags = ['--max-total-tokens', '200', '--context-length', '128'];
  const request = {
    prompt: REQUESTS[3]?.prompt.map((id) => id % 200) ?? [],
    sampling: { maxNewTokens: 4 },
    logprobs: { ...LOGPROBS, startLen: 0 },
  };
  const cpu = await Engine.start(folder, flags);
  const device = await onDevice([...flags, '--dtype', dtype], folder);
  expectNear([await device.generate(request)], [await cpu.generate(request)], tolerance);
  await cpu.close();
  await device.close();
}

/** Vectors, or scores, of a long text and a short one, one behind the other. */
export async function embed(name: string, backend: Backend, dtype: string): Promise<number[]> {
  const texts = [40, 3].map((length) => ({
    ids: Int32Array.from({ length }, (_, i) => 5 + ((i * 7) % 90)),
    pairAt: null,
  }));
  const vectors = await vectorsOn(backend, name, texts, ['--dtype', dtype]);
  return vectors.flatMap((vector) => [...(vector ?? [NaN])]);
}

export async function load(
  folder: string,
  backend: Backend,
  flags: readonly string[],
): Promise<GenerationModel> {
  const args = serverArgs(folder, ['--device', 'webgpu', '--max-total-tokens', '300', ...flags]);
  const model = await loadModelRunner(args, folder, backend);
  if (model.kind !== 'generation') throw new Error('not a generation model');
  return model;
}

/** Whether the device has the type: else it is refused in a line that says so. */
export async function computesInFloat16(): Promise<boolean> {
  try {
    const { runner, weights } = await load(FOLDER, new WebGpuBackend(), ['--dtype', 'half']);
    runner.dispose();
    weights.release();
    return true;
  } catch (error) {
    expect(error).toMatchObject({
      message: '--dtype half: this device does not compute in float16; use --dtype float32',
    });
    return false;
  }
}
