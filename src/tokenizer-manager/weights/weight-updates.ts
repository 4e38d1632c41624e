import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, RequestError } from '../../core/errors';
import type { MemoryTag, ParameterRows } from '../../ipc/messages';
import { logger } from '../../logging/logger';
import type { ServerArgs } from '../../server-args/server-args';
import type { OperatorCalls } from '../operator-calls';
import type { Admission } from './admission';
import type { ServedModel } from './served-model';

/** Other weights for the model that is served. */
export interface WeightUpdate {
  /** A folder, the name of a checkpoint that ships with the package, or a hub id. */
  readonly modelPath: string;
  /** null: as the ones that serve. */
  readonly loadFormat: ServerArgs['loadFormat'] | null;
  /** Ends all requests first, in place of waiting for them. */
  readonly abortAllRequests: boolean;
  /** What replies call the new weights; null: as the old ones. */
  readonly weightVersion: string | null;
  /** Whether the server is paused afterwards. */
  readonly keepPause: boolean;
  /** Forgets keys and values of the old weights. */
  readonly flushCache: boolean;
  /** The step of training that the weights come from, for the log. */
  readonly tokenStep: number;
}

/** What became of an update. */
export interface WeightUpdateResult {
  readonly success: boolean;
  readonly message: string;
  /** Requests that were held in a paused server meanwhile. */
  readonly pausedRequests: number;
}

/** What an update works with. */
export interface WeightUpdatesParts {
  readonly served: ServedModel;
  readonly admission: Admission;
  readonly operators: OperatorCalls;
  /** How many requests have not ended. */
  readonly unfinished: () => number;
  /** Finds a model's folder. Rejects with StartupError where there is none */
  readonly findModelDir: (modelPath: string, loadFormat: ServerArgs['loadFormat']) => Promise<string>;
}

const RETRY_MS = 20;
const RETRIES = 50;

/**
 * What operators do with the weights of a running server, one thing after the other. New weights are loaded by all schedulers
 * beside the old ones, which serve on; only when all have them does any scheduler change over, and between two requests: those
 * that run end first, those that come meanwhile are held. Requests of a paused server are not waited for.
 */
export class WeightUpdates {
  private readonly released = new Set<MemoryTag>();
  private tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: WeightUpdatesParts) {}

  /** Whether something of the memory that requests need has been given back. */
  get isReleased(): boolean {
    return this.released.size > 0;
  }

  /** Serves other weights. An update that fails has changed nothing; see docs/api.md for its messages. */
  update(order: WeightUpdate): Promise<WeightUpdateResult> {
    return this.inTurn(async () => {
      try {
        return await this.carryOut(order);
      } finally {
        this.parts.admission.letIn();
      }
    });
  }

  /** Calls the weights something else. */
  rename(version: string, abortAllRequests: boolean): void {
    if (abortAllRequests) this.parts.operators.abortAll();
    this.parts.served.weightVersion = version;
  }

  /**
   * The first rows of a weight, from each scheduler.
   * @returns null for a name that the model has no use for
   * @throws RequestError where the values cannot be read
   */
  async read(name: string, rows: number): Promise<readonly ParameterRows[] | null> {
    const answers = await this.parts.operators.readWeights(name, rows);
    const failure = answers.find((answer) => answer.failure !== null)?.failure;
    if (failure != null) throw new RequestError('bad_value', failure, 'name');
    const parameters = answers.flatMap(({ parameter }) => parameter ?? []);
    return parameters.length === answers.length ? parameters : null;
  }

  /**
   * Gives memory back to the system. Requests are refused until all of it is resumed.
   * @throws RequestError while requests run or wait
   */
  release(tags: readonly MemoryTag[]): Promise<void> {
    return this.inTurn(async () => {
      const { admission, operators } = this.parts;
      admission.hold();
      try {
        // A scheduler may hear of the end of a request a moment after its client.
        if (!admission.isEmpty) throw busy();
        for (let left = RETRIES; await operators.releaseMemory(tags); left--) {
          if (left === 0) {
            await operators.resumeMemory(tags);
            throw busy();
          }
          await sleep(RETRY_MS);
        }
        for (const tag of tags) this.released.add(tag);
        this.tellAdmission();
      } finally {
        admission.letIn();
      }
    });
  }

  /**
   * Takes memory again; weights are read from where they came from.
   * @throws RequestError when they cannot be
   */
  resume(tags: readonly MemoryTag[]): Promise<void> {
    return this.inTurn(async () => {
      const failures = await this.parts.operators.resumeMemory(tags);
      const failure = failures.find((one) => one !== null);
      for (const tag of tags) if (tag !== 'weights' || failure === undefined) this.released.delete(tag);
      this.tellAdmission();
      if (failure === undefined) return;
      throw new RequestError('internal', `The weights could not be read again: ${failure}`);
    });
  }

  private async carryOut(order: WeightUpdate): Promise<WeightUpdateResult> {
    const { admission, operators, served, unfinished } = this.parts;
    const loadFormat = order.loadFormat ?? served.loadFormat;
    const step = order.tokenStep === 0 ? '' : `. token_step=${order.tokenStep}`;
    logger.info(`Start update_weights. Load format=${loadFormat}${step}`);
    let modelDir: string;
    try {
      modelDir = await this.parts.findModelDir(order.modelPath, loadFormat);
    } catch (error) {
      const message = `Failed to get weights iterator: ${errorMessage(error).replace(/\.$/, '')}.`;
      logger.error(message);
      return { success: false, message, pausedRequests: 0 };
    }
    if (order.abortAllRequests) {
      admission.hold();
      operators.abortAll();
    }
    const failures = await operators.loadWeights(modelDir, loadFormat);
    const failure = failures.find((one) => one !== null) ?? null;
    if (failure !== null) {
      await operators.dropWeights();
      return { success: false, message: failure, pausedRequests: 0 };
    }
    admission.hold();
    await admission.emptied(() => operators.isPaused);
    const pausedRequests = unfinished();
    await operators.swapWeights(order.flushCache);
    this.released.delete('weights');
    this.tellAdmission();
    served.replaced(order.modelPath, modelDir, loadFormat);
    if (order.keepPause) await operators.pauseGeneration('in_place');
    const message = 'Succeeded to update model weights.';
    if (order.weightVersion === null) return { success: true, message, pausedRequests };
    served.weightVersion = order.weightVersion;
    return {
      success: true,
      message: `${message} Weight version updated to ${order.weightVersion}.`,
      pausedRequests,
    };
  }

  private tellAdmission(): void {
    const { admission } = this.parts;
    if (!this.isReleased) return admission.refuse(null);
    const tags = [...this.released].join(', ');
    const message = `The memory of ${tags} is released (/release_memory_occupation): /resume_memory_occupation takes it again.`;
    admission.refuse({ code: 'overloaded', message });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.tail.then(work);
    this.tail = done.catch(() => undefined);
    return done;
  }
}

function busy(): RequestError {
  return new RequestError(
    'bad_value',
    'Requests run or wait: memory can be released while the server is idle only. ' +
      'Wait for them, or end them with /abort_request or /pause_generation.',
  );
}
