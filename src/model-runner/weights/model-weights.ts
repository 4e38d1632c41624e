import * as fs from 'node:fs';
import { bug, errorMessage, StartupError, traceOf } from '../../core/errors';
import { logger } from '../../logging/logger';
import { gigabytes } from '../../logging/units';
import { configPath } from '../../models/config/config-file';
import { readSameSentences, type SentenceModules } from '../../models/config/sentence-modules';
import type { Model } from '../../models/model';
import { readModel } from '../../models/registry';
import type { RunProfile } from '../../onnxruntime/run-profile';
import type { Session } from '../../onnxruntime/session';
import type { Backend } from '../backends/backend';
import { loadWeights, type GraphPurpose, type LoadedWeights } from './load-weights';
import { readParameter, type Parameter } from './read-parameter';
import { computationOf, refuseOtherConfig } from './same-model';
import { trimHeap } from './trim-heap';
import { openWeights, type OpenWeights, type WeightsPlace } from './weights-place';

const FLOAT_BYTES = 4;

/** The model that is served, whatever its weights are at the moment. */
export interface ServedModel {
  readonly model: Model;
  readonly purpose: GraphPurpose;
  readonly backend: Backend;
  /** Of --json-model-override-args. */
  readonly overrides: Readonly<Record<string, unknown>>;
  /** What weights in a floating-point type are made into; null leaves them as they are. */
  readonly quantization: string | null;
}

/** What runs are computed with: a session, and for vectors what becomes of its hidden states. */
export interface Serving {
  readonly session: Session;
  readonly sentences: SentenceModules | null;
}

type Candidate = LoadedWeights & Serving;

/**
 * The weights of the model that is served. Others are loaded beside them (`load`) and put in their place (`swap`) or given
 * up (`drop`); between these calls what serves is untouched. Owns the sessions.
 */
export class ModelWeights {
  private current: Candidate;
  private next: Candidate | null = null;
  private isReleased = false;
  private recording: RunProfile | null = null;
  private digest: string | null = null;
  private use: (serving: Serving | null) => void = () => undefined;

  /**
   * @param bytes the process grew by while loading them
   * @param seconds that loading them took
   */
  constructor(
    private readonly served: ServedModel,
    loaded: LoadedWeights,
    sentences: SentenceModules | null,
    private readonly loadedBytes: number,
    readonly seconds: number,
  ) {
    this.current = { ...loaded, sentences };
  }

  get session(): Session {
    if (this.isReleased) throw bug('a session was asked for while the weights are released');
    return this.current.session;
  }

  /** See `LoadedWeights`: others may be stored in another way than those before them. */
  get roundsInputs(): boolean {
    return this.current.roundsInputs;
  }

  /** Bytes in memory; 0 while they are released. */
  get bytes(): number {
    return this.isReleased ? 0 : this.loadedBytes;
  }

  /** Records the runs that begin while it is set, whichever weights they have. */
  get profile(): RunProfile | null {
    return this.recording;
  }

  set profile(profile: RunProfile | null) {
    this.recording = profile;
    if (!this.isReleased) this.current.session.profile = profile;
  }

  /** @param use told what to compute with from then on, between two runs; null: with nothing, the session is about to go */
  usedBy(use: (serving: Serving | null) => void): void {
    this.use = use;
  }

  /**
   * Loads weights beside those that serve. Reads names and shapes of all of them first.
   * @returns what is wrong, in SGLang's words; null when `swap` may follow
   */
  async load(place: WeightsPlace): Promise<string | null> {
    const { memory } = this.served.backend;
    this.drop();
    logger.info(
      `Update engine weights online from disk begin. avail mem=${gigabytes(memory.freeBytes())} GB`,
    );
    let open: OpenWeights;
    try {
      open = openWeights(place);
    } catch (error) {
      return failed(`Failed to get weights iterator: ${reasonOf(error)}.`);
    }
    try {
      this.next = await this.candidate(open);
      return null;
    } catch (error) {
      trimHeap();
      return failed(`Failed to update weights: ${reasonOf(error)}.\nRolling back to original weights.`);
    } finally {
      open.source.close();
    }
  }

  /** Puts the weights that were loaded in place of those that serve, which are freed. Only between two runs. */
  swap(): void {
    const { next } = this;
    if (next === null) throw bug('there are no weights to swap in');
    this.next = null;
    this.release();
    this.current = next;
    this.takeUp();
    logger.info(`Update weights end. avail mem=${gigabytes(this.served.backend.memory.freeBytes())} GB`);
  }

  /** Frees the weights that were loaded and will not be needed. */
  drop(): void {
    if (this.next === null) return;
    this.next.session.dispose();
    this.next = null;
    trimHeap();
  }

  /** See `readParameter`. */
  read(name: string, rows: number): Parameter | null {
    return readParameter(this.current, name, rows);
  }

  /** Frees the weights that serve; nothing can be computed until `resume` or `swap`. Only while nothing runs. */
  release(): void {
    if (this.isReleased) return;
    this.use(null);
    this.current.session.dispose();
    this.isReleased = true;
    trimHeap();
  }

  /** Reads weights that were released again from where they came from. @throws StartupError */
  async resume(): Promise<void> {
    if (!this.isReleased) return;
    const { model, purpose, backend } = this.served;
    const open = openWeights(this.current.place);
    try {
      const loaded = await loadWeights(open, model, purpose, backend, true);
      this.current = { ...loaded, sentences: this.current.sentences };
    } finally {
      open.source.close();
      trimHeap();
    }
    this.takeUp();
  }

  private takeUp(): void {
    this.isReleased = false;
    this.current.session.profile = this.recording;
    this.use(this.current);
  }

  private async candidate(open: OpenWeights): Promise<Candidate> {
    const { place, source } = open;
    const { model: served, purpose, backend } = this.served;
    const model = this.modelOf(place);
    if (model !== served) refuseOtherConfig(configPath(place.modelDir), model.config, served.config);
    const { digest, parameters } = computationOf(model, purpose, source);
    if (model !== served && digest !== this.servedDigest()) {
      throw new StartupError(
        `${configPath(place.modelDir)}: describes another computation than that of the model that is served ` +
          '(rotary embedding, norms, activation or the like)',
      );
    }
    const { sentences: before } = this.current;
    const sentences = model.head === null ? readSameSentences(place.modelDir, model.config, before) : before;
    this.refuseWithoutRoom(parameters * FLOAT_BYTES);
    return { ...(await loadWeights(open, model, purpose, backend, true)), sentences };
  }

  /** A folder may hold weights alone, as trainers write them: they are then taken for those of the model that is served. */
  private modelOf({ modelDir }: WeightsPlace): Model {
    const { model, overrides, quantization } = this.served;
    if (!fs.existsSync(configPath(modelDir))) return model;
    return readModel(modelDir, overrides, model.purpose, quantization);
  }

  private servedDigest(): string {
    this.digest ??= computationOf(this.served.model, this.served.purpose, null).digest;
    return this.digest;
  }

  /** Both are in memory for a while. Better refused than ended by the system for lack of it. */
  private refuseWithoutRoom(bytes: number): void {
    const free = this.served.backend.memory.freeBytes();
    if (bytes <= free) return;
    throw new StartupError(
      `the new weights take ${gigabytes(bytes)} GB beside those that serve, and ${gigabytes(free)} GB are free ` +
        '(/release_memory_occupation with the tag weights makes room)',
    );
  }
}

/** What went wrong, without the full stop that the sentence around it has. */
function reasonOf(error: unknown): string {
  if (!(error instanceof StartupError)) logger.error(`Loading weights failed: ${traceOf(error)}`);
  return errorMessage(error).replace(/\.$/, '');
}

function failed(message: string): string {
  logger.error(message);
  return message;
}
