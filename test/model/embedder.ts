import { resolve } from 'node:path';
import type { ControlResult, VectorOutput } from '../../src/ipc/messages';
import type { Backend } from '../../src/model-runner/backends/backend';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import type { EncodedText } from '../../src/model-runner/packed-inputs';
import { loadModelRunner } from '../../src/model-runner/load';
import { assembleEmbedding } from '../../src/scheduler/embedding/assemble';
import { CHECKPOINTS, serverArgs, type Control } from './support';

const TOLERANCE = 1e-4;

/** What a checkpoint of the tests makes of these texts on a device. */
export async function vectorsOn(
  backend: Backend,
  name: string,
  texts: readonly EncodedText[],
  flags: readonly string[] = [],
): Promise<readonly (Float32Array | null)[]> {
  const args = serverArgs(resolve(CHECKPOINTS, name), ['--is-embedding', ...flags]);
  const model = await loadModelRunner(args, args.modelPath, backend);
  if (model.kind !== 'embedding') throw new Error('not a model of vectors');
  const vectors = await model.runner.embed(texts);
  model.weights.release();
  return vectors;
}

/** A scheduler around a real embedding model, in this process. */
export class Embedder {
  private readonly waiting = new Map<string, (output: VectorOutput) => void>();
  private readonly calls = new Map<number, (result: ControlResult) => void>();
  private count = 0;

  private constructor(
    readonly scheduler: ReturnType<typeof assembleEmbedding>,
    private readonly loop: Promise<void>,
    private readonly dispose: () => void,
  ) {}

  /** @param name of a checkpoint of the tests, or a folder */
  static async start(name: string, flags: readonly string[] = []): Promise<Embedder> {
    const folder = resolve(CHECKPOINTS, name);
    const args = serverArgs(folder, flags);
    const model = await loadModelRunner(args, folder, new CpuBackend());
    if (model.kind !== 'embedding') throw new Error('not an embedding model');
    const scheduler = assembleEmbedding(args, model, {
      rank: 0,
      detokenizer: () => undefined,
      tokenizerManager: (message) => {
        if (message.type === 'control_reply') embedder.calls.get(message.callId)?.(message.result);
        if (message.type !== 'vector_outputs') return;
        for (const output of message.outputs) embedder.waiting.get(output.rid)?.(output);
      },
    });
    const embedder = new Embedder(scheduler, scheduler.run(), () => model.weights.release());
    return embedder;
  }

  /** @param pairAt see `EncodedText` */
  embed(ids: readonly number[], pairAt: number | null = null): Promise<VectorOutput> {
    const rid = String(this.count++);
    return new Promise((resolve) => {
      this.waiting.set(rid, resolve);
      this.scheduler.receive({ type: 'embed', trace: null, rid, pairAt, inputIds: Int32Array.from(ids) });
    });
  }

  /** Sends a control message and waits for its reply. */
  call(message: Control): Promise<ControlResult> {
    const callId = this.count++;
    return new Promise((done) => {
      this.calls.set(callId, done);
      this.scheduler.receive({ ...message, callId });
    });
  }

  async close(): Promise<void> {
    this.scheduler.stop();
    await this.loop;
    this.dispose();
  }
}

/** Every value within 1e-4 of a golden vector's. */
export function expectClose(actual: Float32Array | null, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(Math.abs((actual?.[i] ?? NaN) - value)).toBeLessThan(TOLERANCE));
}
