import { NO_METRICS } from '../../src/metrics/recorder';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FinishReason, PositionLogprobs } from '../../src/core/request';
import type {
  ControlResult,
  DetokenizerMsg,
  SchedulerMsg,
  TokenizerManagerMsg,
} from '../../src/ipc/messages';
import type { Backend } from '../../src/model-runner/backends/backend';
import { CpuBackend } from '../../src/model-runner/backends/cpu/cpu-backend';
import { loadModelRunner, type GenerationModel } from '../../src/model-runner/load';
import { assembleScheduler } from '../../src/scheduler/generation/assemble';
import type { Preparation } from '../../src/scheduler/generation/preparation';
import type { Scheduler } from '../../src/scheduler/generation/scheduler';
import { parseCommandLine, resolveServerArgs, type ServerArgs } from '../../src/server-args';
import { logger } from '../../src/logging/logger';
import { generateMsg, type Overrides } from '../unit/scheduler/generation/support';

logger.level = 'critical';

const ROOT = resolve(__dirname, '..', '..');

/** Further real checkpoints that are not part of the project; tests that need them are skipped without them. */
export const SHARED = process.env['SGLANG_NODE_SHARED'] ?? join(ROOT, '..', 'shared');

export const CHECKPOINTS = join(__dirname, 'checkpoints');
export const SHIPPED = join(ROOT, 'models');

/** One recorded prompt: what a reference implementation computed for it. */
export interface GoldenCase {
  readonly prompt?: string;
  readonly input_ids: number[];
  readonly input_token_logprobs: (number | null)[];
  readonly greedy_ids: number[];
  readonly greedy_logprobs: number[];
}

export function readGolden(file: string): GoldenCase[] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: GoldenCase[] }).cases;
}

/** `describe`, or a skipped one with a notice when a folder is absent. */
export function describeWith(folder: string, name: string, tests: () => void): void {
  if (existsSync(folder)) return describe(name, tests);
  process.stderr.write(`skipped: ${name} (${folder} is absent)\n`);
  describe.skip(name, () => it('needs its checkpoint', () => undefined));
}

/** @param flags of the command line, without --model-path */
export function serverArgs(modelDir: string, flags: readonly string[]): ServerArgs {
  const command = parseCommandLine([
    '--model-path',
    modelDir,
    '--random-seed',
    '1',
    '--cuda-graph-bs',
    '1',
    ...flags,
  ]);
  if (command.kind !== 'run') throw new Error('not a run');
  const machine = { env: {}, cudaMemoryMiB: null, drawnSeed: 1, bundledModelPath: modelDir };
  return resolveServerArgs(command.flags, machine).args;
}

/** Everything one request produced. */
export interface Result {
  readonly ids: number[];
  readonly finish: FinishReason;
  readonly cachedTokens: number;
  readonly retractions: number;
  readonly inputLogprobs: PositionLogprobs[];
  readonly outputLogprobs: PositionLogprobs[];
}

/** A message that is answered, without the number that ties the answer to it. */
export type Control =
  | Omit<Extract<SchedulerMsg, { type: 'pause' }>, 'callId'>
  | Omit<Extract<SchedulerMsg, { type: 'expert_distribution' }>, 'callId'>
  | Omit<Extract<SchedulerMsg, { type: 'load_weights' }>, 'callId'>
  | Omit<Extract<SchedulerMsg, { type: 'swap_weights' }>, 'callId'>
  | Omit<Extract<SchedulerMsg, { type: 'continue' | 'flush_cache' | 'get_internal_state' }>, 'callId'>;

/** What an engine can be put together from besides a model. */
export interface EngineParts {
  /** Where the model runs. */
  readonly backend?: Backend;
  /** What requests need before they can be computed. */
  readonly preparations?: readonly Preparation[];
}

/** A scheduler around a real model, in this process: requests in, collected outputs out. */
export class Engine {
  private readonly pending = new Map<
    string,
    { parts: DetokenizerMsg['outputs'][number][]; done: (r: Result) => void }
  >();
  private readonly calls = new Map<number, (result: ControlResult) => void>();
  private count = 0;

  private constructor(
    readonly args: ServerArgs,
    readonly model: GenerationModel,
    readonly scheduler: Scheduler,
    /** Settles when the scheduler stops; rejects with what it could not survive. */
    readonly loop: Promise<void>,
  ) {}

  /**
   * @param flags of the command line, without --model-path
   * @param watch sees every message to the detokenizer
   * @param parts in place of the usual ones
   */
  static async start(
    modelDir: string,
    flags: readonly string[] = [],
    watch: (message: DetokenizerMsg) => void = () => undefined,
    { backend = new CpuBackend(), preparations = [] }: EngineParts = {},
  ): Promise<Engine> {
    const args = serverArgs(modelDir, flags);
    const model = await loadModelRunner(args, modelDir, backend);
    if (model.kind !== 'generation') throw new Error('not a generation model');
    const outlets = {
      rank: 0,
      detokenizer: (message: DetokenizerMsg) => {
        watch(message);
        engine.collect(message);
      },
      tokenizerManager: (message: TokenizerManagerMsg) => {
        if (message.type === 'control_reply') engine.calls.get(message.callId)?.(message.result);
      },
    };
    const scheduler = assembleScheduler(args, model, outlets, NO_METRICS, preparations);
    const engine: Engine = new Engine(args, model, scheduler, scheduler.run());
    return engine;
  }

  generate(overrides: Overrides): Promise<Result> {
    const rid = overrides.rid ?? `request-${this.count++}`;
    return new Promise((done) => {
      this.pending.set(rid, { parts: [], done });
      this.scheduler.receive(generateMsg({ ...overrides, rid }));
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
    this.model.runner.dispose();
    this.model.weights.release();
  }

  private collect(message: DetokenizerMsg): void {
    for (const output of message.outputs) {
      const request = this.pending.get(output.rid);
      if (!request) continue;
      request.parts.push(output);
      if (!output.finish) continue;
      this.pending.delete(output.rid);
      request.done({
        ids: request.parts.flatMap(({ newIds }) => [...newIds]),
        finish: output.finish,
        cachedTokens: output.cachedTokens,
        retractions: output.retractions,
        inputLogprobs: request.parts.flatMap(({ inputLogprobs }) => inputLogprobs ?? []),
        outputLogprobs: request.parts.flatMap(({ outputLogprobs }) => outputLogprobs ?? []),
      });
    }
  }
}
