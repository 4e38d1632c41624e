import { bug } from '../core/errors';
import type { ModelConfig } from '../models/config/model-config';
import type { KvStore } from './kv-store';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32, pinnedInt32 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';
import { CapturedShapes, type CapturedShape } from './captured-shapes';
import { cutIntoRuns } from './pieces';
import { RoutingTap, type RoutedPass, type RoutingOutput } from './routing';
import { StepInputs, takesRowStarts } from './step-inputs';

/** A piece of one request's prompt, to be appended to its row. */
export interface ExtendItem {
  readonly row: number;
  /** Tokens already in the row. */
  readonly past: number;
  /** The tokens to append; at least one. */
  readonly ids: Int32Array;
  /** Indices into `ids` whose logits are wanted, ascending, at most `MAX_LOGIT_ROWS`; may be empty. */
  readonly logitPositions: readonly number[];
}

/** Rows of one run that may go through the vocabulary projection: it bounds the memory of prompt log-probabilities. */
export const MAX_LOGIT_ROWS = 128;

/** The output with the likeliest tokens. */
const LIKELIEST = 'likeliest';

/** What a run tells of the tokens it is asked for. */
interface LogitRows {
  /** [rows, vocab] */
  readonly logits: StagedTensor<Float32Array>;
  /** [rows] */
  readonly tokens: StagedTensor<Int32Array> | null;
}

const NONE = new Int32Array(0);

/** Inputs and logits of one batch size, bound once and run for every decode step of that size. */
interface CapturedDecode {
  readonly inputs: StepInputs;
  readonly binding: IoBinding;
  /** null where the graph does not tell. */
  readonly experts: RoutingOutput | null;
}

/**
 * Runs the model over the rows of a `KvStore`, one run at a time. Owns the bindings and the store; the session is another's. Logits it
 * returns are views of memory that the next run overwrites.
 */
export class ModelRunner {
  /** null where the graph does not tell the experts of its tokens. */
  readonly routing: RoutingTap | null;
  private readonly decodes = new Map<number, CapturedDecode>();
  private readonly captured: CapturedShapes;
  private readonly rowBindings = new Map<number, IoBinding>();
  /** Whether a run can append pieces of any lengths to rows of any pasts; else several rows only where none has a past. */
  readonly packs: boolean;
  /** Whether pieces of prompts and steps of streams should share a run. */
  readonly mixes: boolean;
  private readonly logits: StagedTensor<Float32Array>;
  /** The likeliest tokens of the rows; null where the graph does not tell. */
  private readonly tokens: StagedTensor<Int32Array> | null;
  /** The first rows of both, by their number. */
  private readonly logitRows: LogitRows[] = [];
  private latest: LogitRows | null = null;

  constructor(
    private session: Session,
    private readonly config: Pick<ModelConfig, 'vocabSize'>,
    private readonly backend: Backend,
    readonly kv: KvStore,
    padsBatches = true,
  ) {
    const rows = Math.max(kv.rows, MAX_LOGIT_ROWS);
    const { vocabSize } = config;
    this.logits = backend.stage('float32', pinnedFloat32(rows * vocabSize), [rows, vocabSize]);
    const tells = session.outputs.some(({ name }) => name === LIKELIEST);
    this.tokens = tells ? backend.stage('int32', pinnedInt32(rows), [rows]) : null;
    this.routing = RoutingTap.of(session, backend);
    this.packs = takesRowStarts(session);
    this.mixes = this.packs && backend.stepsAlone !== true;
    // Only padding that writes nowhere harms nobody.
    const hasPages = kv.pages !== undefined;
    this.captured = new CapturedShapes(padsBatches && hasPages, hasPages ? kv.capacity : 0);
  }

  /**
   * The likeliest token of each row of logits that the last run gave, -1 where a logit is NaN or all are -Infinity. null where nobody looked
   * for it on the way.
   */
  get likeliest(): Int32Array | null {
    return this.latest?.tokens?.data ?? null;
  }

  /** Binds a decode batch size and runs it over padding alone. Only while no request runs. */
  async capture(batchSize: number): Promise<void> {
    for (const shape of this.captured.add(batchSize)) {
      for (let run = 0; run < this.backend.captureRuns; run++) {
        await this.backend.turn(() => this.step(NONE, NONE, shape));
      }
    }
  }

  /**
   * Appends one token to each of the first `ids.length` rows.
   * @param ids the tokens, one a row
   * @param lengths tokens each row holds already
   * @returns logits, [ids.length, vocab]
   */
  decode(ids: Int32Array, lengths: Int32Array): Promise<Float32Array> {
    return this.backend.turn(() => this.step(ids, lengths));
  }

  /** @param captured what it runs as; null for as it is */
  private async step(
    ids: Int32Array,
    lengths: Int32Array,
    captured = this.captured.of(ids.length, Math.max(...lengths) + 1),
  ): Promise<Float32Array> {
    const size = captured?.size ?? ids.length;
    const { inputs, binding, experts } = this.decodeOf(size, captured);
    for (let row = 0; row < ids.length; row++) {
      inputs.setRow(row, ids.subarray(row, row + 1), lengths[row] as number);
    }
    for (let row = ids.length; row < size; row++) inputs.setPadding(row);
    inputs.finish(captured && { most: this.kv.capacity, least: captured.least });
    const result = await this.run(binding, this.logitsOf(ids.length || size));
    const rows = () => Array.from(lengths, (past, row) => ({ ids: ids.subarray(row, row + 1), past }));
    await experts?.tell('decode', inputs, rows);
    return result;
  }

  /**
   * Appends pieces to adjacent rows, in one run where the device computes that correctly.
   * @param items of rows n, n + 1, …; several where rows are packed, or where none has a past: then they are padded to the longest
   * @returns logits of the tokens asked for, [tokens, vocab], one item's behind the other's; where none are, nothing of meaning
   */
  extend(items: readonly ExtendItem[], mode: RoutedPass['mode'] = 'extend'): Promise<Float32Array> {
    return this.backend.turn(() => this.append(items, mode));
  }

  private async append(items: readonly ExtendItem[], mode: RoutedPass['mode']): Promise<Float32Array> {
    const runs = items.flatMap((item) => cutIntoRuns(item, this.backend.runTokens));
    return runs.length === items.length ? this.appendAtOnce(items, mode) : this.appendInTurn(runs, mode);
  }

  /** @returns the logits that were asked for, of all runs, in memory of its own */
  private async appendInTurn(runs: readonly ExtendItem[], mode: RoutedPass['mode']): Promise<Float32Array> {
    const { vocabSize } = this.config;
    const rows = runs.reduce((sum, { logitPositions }) => sum + logitPositions.length, 0);
    const all = new Float32Array(rows * vocabSize);
    let row = 0;
    for (const run of runs) {
      const logits = await this.appendAtOnce([run], mode);
      const count = run.logitPositions.length;
      all.set(logits.subarray(0, count * vocabSize), row * vocabSize);
      row += count;
    }
    this.latest = null;
    return all;
  }

  private async appendAtOnce(items: readonly ExtendItem[], mode: RoutedPass['mode']): Promise<Float32Array> {
    const first = (items[0] as ExtendItem).row;
    const lengths = items.map(({ ids }) => ids.length);
    const pasts = items.map(({ past }) => past);
    const wanted = items.map(({ logitPositions }) => logitPositions);
    // Quantized projections cannot compute no rows at all.
    if (wanted.every(({ length }) => length === 0)) wanted[0] = [(lengths[0] as number) - 1];
    const logitRows = wanted.reduce((sum, { length }) => sum + length, 0);
    const inputs = this.inputsOf(first, lengths, logitRows);
    items.forEach(({ ids, past }, row) => inputs.setRow(row, ids, past));
    inputs.setLogitTokens(wanted);
    inputs.finish();
    const binding = this.rowsBinding(items);
    const experts = this.routing?.bind(binding, inputs.places) ?? null;
    try {
      inputs.bind(binding);
      this.kv.enter(first, pasts);
      const logits = await this.run(binding, this.bindLogits(binding, logitRows));
      const after = items.map(({ past, ids }) => past + ids.length);
      this.kv.leave(first, pasts, after);
      await experts?.tell(mode, inputs, () => items);
      return logits;
    } finally {
      if (items.length > 1) binding.dispose();
      experts?.dispose();
      inputs.dispose();
    }
  }

  /** Computes with other weights of the same model from the next run on. Only after `unbind`. */
  use(session: Session): void {
    this.session = session;
  }

  /** Lets go of the session, which may be freed then. What is bound is bound anew when it is needed. */
  unbind(): void {
    for (const { binding, inputs, experts } of this.decodes.values()) {
      binding.dispose();
      experts?.dispose();
      inputs.dispose();
    }
    this.decodes.clear();
    for (const binding of this.rowBindings.values()) binding.dispose();
    this.rowBindings.clear();
  }

  dispose(): void {
    this.unbind();
    for (const rows of this.logitRows) {
      rows?.logits.dispose();
      rows?.tokens?.dispose();
    }
    this.logits.dispose();
    this.tokens?.dispose();
  }

  private decodeOf(size: number, captured: CapturedShape | null): CapturedDecode {
    // A size that is captured never runs as it is.
    const key = captured?.number ?? size;
    let decode = this.decodes.get(key);
    if (!decode) {
      const inputs = this.inputsOf(0, new Array<number>(size).fill(1), size);
      inputs.setLogitTokens(Array.from({ length: size }, () => [0]));
      const binding = captured
        ? this.backend.bindCaptured(this.session, captured.number)
        : new IoBinding(this.session);
      inputs.bind(binding);
      this.kv.bind(binding, 0, size, this.kv.capacity);
      const experts = this.routing?.bind(binding, size) ?? null;
      this.bindLogits(binding, size);
      decode = { inputs, binding, experts };
      this.decodes.set(key, decode);
    }
    return decode;
  }

  /** Inputs for a run over rows from `first` on. */
  private inputsOf(first: number, lengths: readonly number[], logitRows: number): StepInputs {
    const { pages } = this.kv;
    const slotAt = pages && ((row: number, position: number) => pages.slotAt(first + row, position));
    return new StepInputs(this.backend, this.session, lengths, logitRows, slotAt);
  }

  /** A binding of the rows of a run: kept for one row, and the run's own for several. */
  private rowsBinding(items: readonly ExtendItem[]): IoBinding {
    const [{ row: first }] = items as [ExtendItem];
    const known = items.length === 1 ? this.rowBindings.get(first) : undefined;
    if (known) return known;
    const binding = new IoBinding(this.session);
    if (items.length === 1) {
      this.kv.bind(binding, first, 1, this.kv.capacity);
      this.rowBindings.set(first, binding);
    } else {
      const longest = Math.max(...items.map(({ past, ids }) => past + ids.length));
      this.kv.bind(binding, first, items.length, longest);
    }
    return binding;
  }

  /** Runs the graph over what the store holds by now. Resolves when the logits are here. */
  private async run(binding: IoBinding, rows: LogitRows): Promise<Float32Array> {
    const moving = this.kv.settled();
    if (moving) await moving;
    await binding.run();
    for (const staged of [rows.logits, rows.tokens]) {
      const copying = staged?.download();
      if (copying) await copying;
    }
    this.latest = rows;
    return rows.logits.data;
  }

  /** Binds the first `rows` rows of the shared logits memory as the run's output. */
  private bindLogits(binding: IoBinding, rows: number): LogitRows {
    const staged = this.logitsOf(rows);
    binding.bindOutput('logits', staged.logits.tensor);
    if (staged.tokens !== null) binding.bindOutput(LIKELIEST, staged.tokens.tensor);
    return staged;
  }

  private logitsOf(rows: number): LogitRows {
    const known = (this.logitRows[rows] ??= {
      logits: this.logits.front([rows, this.config.vocabSize]),
      tokens: this.tokens?.front([rows]) ?? null,
    });
    if (known.logits.data.length !== rows * this.config.vocabSize)
      throw bug(`${rows} rows of logits asked for`);
    return known;
  }
}
