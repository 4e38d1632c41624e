import { assertNever, errorMessage, traceOf } from '../../core/errors';
import type { ControlResult, MemoryTag, WeightsMsg } from '../../ipc/messages';
import { logger } from '../../logging/logger';
import type { ModelWeights } from '../../model-runner/weights/model-weights';

/** What the duty needs of the scheduler that it is part of. */
export interface WeightsDutyParts {
  readonly weights: Pick<ModelWeights, 'load' | 'swap' | 'drop' | 'read' | 'release' | 'resume'>;
  readonly reply: (callId: number, result: ControlResult) => void;
  /** Whether no request runs or waits. */
  readonly isIdle: () => boolean;
  /** Forgets all keys and values; requests that run begin anew. */
  readonly forget: () => void;
}

/**
 * Carries out what is ordered about weights and memory, between two batches; loading alone goes on beside them. One order at a
 * time: the TokenizerManager waits for each answer before it gives another.
 */
export class WeightsDuty {
  private readonly released = new Set<MemoryTag>();

  constructor(private readonly parts: WeightsDutyParts) {}

  /** Whether keys and values have been given back. */
  get isKvReleased(): boolean {
    return this.released.has('kv_cache');
  }

  handle(message: WeightsMsg): void {
    const { weights } = this.parts;
    const { callId, type } = message;
    switch (type) {
      case 'load_weights':
        return this.answerLater(callId, async () => ({ of: type, failure: await weights.load(message) }));
      case 'swap_weights':
        return this.answer(callId, this.swap(message.flushCache));
      case 'drop_weights':
        weights.drop();
        return this.answer(callId, { of: type });
      case 'read_weights':
        return this.answer(callId, this.read(message.name, message.rows));
      case 'release_memory':
        return this.answer(callId, { of: type, isBusy: !this.release(message.tags) });
      case 'resume_memory':
        return this.answerLater(callId, async () => ({ of: type, failure: await this.resume(message.tags) }));
      default:
        return assertNever(type);
    }
  }

  private answer(callId: number, result: ControlResult): void {
    this.parts.reply(callId, result);
  }

  private answerLater(callId: number, work: () => Promise<ControlResult>): void {
    work().then(
      (result) => this.answer(callId, result),
      (error: unknown) => {
        logger.error(traceOf(error));
        this.answer(callId, { of: 'error', message: errorMessage(error) });
      },
    );
  }

  private swap(flushCache: boolean): ControlResult {
    if (flushCache) this.parts.forget();
    this.parts.weights.swap();
    this.released.delete('weights');
    return { of: 'swap_weights' };
  }

  private read(name: string, rows: number): ControlResult {
    try {
      return { of: 'read_weights', parameter: this.parts.weights.read(name, rows), failure: null };
    } catch (error) {
      return { of: 'read_weights', parameter: null, failure: errorMessage(error) };
    }
  }

  /** @returns false, with nothing released, while requests run or wait */
  private release(tags: readonly MemoryTag[]): boolean {
    if (!this.parts.isIdle()) return false;
    if (tags.includes('kv_cache')) this.parts.forget();
    if (tags.includes('weights')) this.parts.weights.release();
    for (const tag of tags) this.released.add(tag);
    return true;
  }

  /** @returns what is wrong; what could be resumed is */
  private async resume(tags: readonly MemoryTag[]): Promise<string | null> {
    for (const tag of tags) if (tag !== 'weights') this.released.delete(tag);
    if (!tags.includes('weights')) return null;
    try {
      await this.parts.weights.resume();
      this.released.delete('weights');
      return null;
    } catch (error) {
      return errorMessage(error);
    }
  }
}
