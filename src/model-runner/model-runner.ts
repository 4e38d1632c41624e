import { bug } from '../core/errors';
import type { ModelConfig } from '../models/config/model-config';
import type { TopTokens } from '../core/top-tokens';
import type { KvStore } from './kv-store';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32, pinnedInt32 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';
import { CapturedShapes, type CapturedShape } from './captured-shapes';
import { cutIntoRuns } from './pieces';
import { RoutingTap, type RoutedPass, type RoutingOutput } from './routing';
import { StepInputs, takesRowStarts } from './step-inputs';
import { ANYTHING, readTop, topWidth, type TopWish } from './top-rows';

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

/** The output with the likeliest tokens, and that with the front of each row. */
const LIKELIEST = 'likeliest';
const TOP = 'top';

/** Of a run whose rows did not have to come. */
const NO_LOGITS = new Float32Array(0);

/** What a run tells of the tokens it is asked for. */
interface LogitRows {
  /** [rows, vocab] */
  readonly logits: StagedTensor<Float32Array>;
  /** [rows] */
  readonly tokens: StagedTensor<Int32Array> | null;
  /** [rows, topWidth] */
  readonly top: StagedTensor<Float32Array> | null;
}

/** What the last run said beside its logits. */
interface Told {
  readonly likeliest: Int32Array | null;
  readonly top: readonly TopTokens[] | null;
}

const TOLD_NOTHING: Told = { likeliest: null, top: null };

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
  /** The fronts of the rows; null where the graph does not tell. */
  private readonly top: StagedTensor<Float32Array> | null;
  /** The first rows of all, by their number. */
  private readonly logitRows: LogitRows[] = [];
  private told = TOLD_NOTHING;

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
    const tells = (output: string) => session.outputs.some(({ name }) => name === output);
    this.tokens = tells(LIKELIEST) ? backend.stage('int32', pinnedInt32(rows), [rows]) : null;
    const width = topWidth(vocabSize);
    this.top = tells(TOP) ? backend.stage('float32', pinnedFloat32(rows * width), [rows, width]) : null;
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
    return this.told.likeliest;
  }

  /** Whether runs can tell the fronts of rows in place of the rows. */
  get tellsTop(): boolean {
    return this.top !== null;
  }

  /** The fronts of the rows that the last run was asked for, where they were enough; null where it gave the logits. */
  get topTokens(): readonly TopTokens[] | null {
    return this.told.top;
  }

  /** Binds a decode batch size and runs it over padding alone. Only while no request runs. */
  async capture(batchSize: number): Promise<void> {
    for (const shape of this.captured.add(batchSize)) {
      for (let run = 0; run < this.backend.captureRuns; run++) {
        await this.backend.turn(() => this.step(NONE, NONE, null, shape));
      }
    }
  }

  /**
   * Appends one token to each of the first `ids.length` rows.
   * @param ids the tokens, one a row
   * @param lengths tokens each row holds already
   * @param wish null for the logits
   * @returns logits, [ids.length, vocab]; none where the wish was met by `topTokens`
   */
  decode(ids: Int32Array, lengths: Int32Array, wish: TopWish | null = null): Promise<Float32Array> {
    return this.backend.turn(() => this.step(ids, lengths, wish));
  }

  /** @param captured what it runs as; null for as it is */
  private async step(
    ids: Int32Array,
    lengths: Int32Array,
    wish: TopWish | null,
    captured = this.captured.of(ids.length, Math.max(...lengths) + 1),
  ): Promise<Float32Array> {
    const size = captured?.size ?? ids.length;
    const { inputs, binding, experts } = this.decodeOf(size, captured);
    for (let row = 0; row < ids.length; row++) {
      inputs.setRow(row, ids.subarray(row, row + 1), lengths[row] as number);
    }
    for (let row = ids.length; row < size; row++) inputs.setPadding(row);
    inputs.setDraws(wish, ids.length);
    inputs.finish(captured && { most: this.kv.capacity, least: captured.least });
    const result = await this.run(binding, this.logitsOf(ids.length || size), wish);
    const rows = () => Array.from(lengths, (past, row) => ({ ids: ids.subarray(row, row + 1), past }));
    await experts?.tell('decode', inputs, rows);
    return result;
  }

  /**
   * Appends pieces to adjacent rows, in one run where the device computes that correctly.
   * @param items of rows n, n + 1, …; several where rows are packed, or where none has a past: then they are padded to the longest
   * @param wish null for the logits
   * @returns logits of the tokens asked for, [tokens, vocab], one item's behind the other's; where none are, nothing of meaning; none
   *   where the wish was met by `topTokens`
   */
  extend(
    items: readonly ExtendItem[],
    mode: RoutedPass['mode'] = 'extend',
    wish: TopWish | null = null,
  ): Promise<Float32Array> {
    return this.backend.turn(() => this.append(items, mode, wish));
  }

  private async append(
    items: readonly ExtendItem[],
    mode: RoutedPass['mode'],
    wish: TopWish | null,
  ): Promise<Float32Array> {
    const runs = items.flatMap((item) => cutIntoRuns(item, this.backend.runTokens));
    return runs.length === items.length
      ? this.appendAtOnce(items, mode, wish)
      : this.appendInTurn(runs, mode);
  }

  /** @returns the logits that were asked for, of all runs, in memory of its own */
  private async appendInTurn(runs: readonly ExtendItem[], mode: RoutedPass['mode']): Promise<Float32Array> {
    const { vocabSize } = this.config;
    const rows = runs.reduce((sum, { logitPositions }) => sum + logitPositions.length, 0);
    const all = new Float32Array(rows * vocabSize);
    let row = 0;
    for (const run of runs) {
      const logits = await this.appendAtOnce([run], mode, null);
      const count = run.logitPositions.length;
      all.set(logits.subarray(0, count * vocabSize), row * vocabSize);
      row += count;
    }
    this.told = TOLD_NOTHING;
    return all;
  }

  private async appendAtOnce(
    items: readonly ExtendItem[],
    mode: RoutedPass['mode'],
    wish: TopWish | null,
  ): Promise<Float32Array> {
    const first = (items[0] as ExtendItem).row;
    const lengths = items.map(({ ids }) => ids.length);
    const pasts = items.map(({ past }) => past);
    const wanted = items.map(({ logitPositions }) => logitPositions);
    const wantsNone = wanted.every(({ length }) => length === 0);
    // Quantized projections cannot compute no rows at all.
    if (wantsNone) wanted[0] = [(lengths[0] as number) - 1];
    const logitRows = wanted.reduce((sum, { length }) => sum + length, 0);
    const inputs = this.inputsOf(first, lengths, logitRows);
    items.forEach(({ ids, past }, row) => inputs.setRow(row, ids, past));
    inputs.setLogitTokens(wanted);
    inputs.setDraws(wish, logitRows);
    inputs.finish();
    const binding = this.rowsBinding(items);
    const experts = this.routing?.bind(binding, inputs.places) ?? null;
    try {
      inputs.bind(binding);
      this.kv.enter(first, pasts);
      const logits = await this.run(
        binding,
        this.bindLogits(binding, logitRows),
        wantsNone ? ANYTHING : wish,
      );
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
      rows?.top?.dispose();
    }
    this.logits.dispose();
    this.tokens?.dispose();
    this.top?.dispose();
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

  /** Runs the graph over what the store holds by now. Resolves when the logits are here, or what was wished for in their place. */
  private async run(binding: IoBinding, rows: LogitRows, wish: TopWish | null): Promise<Float32Array> {
    const moving = this.kv.settled();
    if (moving) await moving;
    await binding.run();
    const top = await this.topOf(rows, wish);
    if (top !== null) {
      this.told = { likeliest: null, top };
      return NO_LOGITS;
    }
    for (const staged of [rows.logits, rows.tokens]) {
      const copying = staged?.download();
      if (copying) await copying;
    }
    this.told = { likeliest: rows.tokens?.data ?? null, top: null };
    return rows.logits.data;
  }

  /** The fronts of rows that were just computed; null where they are not enough for all. */
  private async topOf({ top }: LogitRows, wish: TopWish | null): Promise<TopTokens[] | null> {
    if (top === null || wish === null) return null;
    await top.download();
    const fronts = readTop(top.data, this.config.vocabSize);
    return fronts.every((front, row) => wish.suffices(row, front)) ? fronts : null;
  }

  /** Binds the first `rows` rows of the shared logits memory as the run's output. */
  private bindLogits(binding: IoBinding, rows: number): LogitRows {
    const staged = this.logitsOf(rows);
    binding.bindOutput('logits', staged.logits.tensor);
    if (staged.tokens !== null) binding.bindOutput(LIKELIEST, staged.tokens.tensor);
    if (staged.top !== null) binding.bindOutput(TOP, staged.top.tensor);
    return staged;
  }

  private logitsOf(rows: number): LogitRows {
    const known = (this.logitRows[rows] ??= {
      logits: this.logits.front([rows, this.config.vocabSize]),
      tokens: this.tokens?.front([rows]) ?? null,
      top: this.top?.front([rows, topWidth(this.config.vocabSize)]) ?? null,
    });
    if (known.logits.data.length !== rows * this.config.vocabSize)
      throw bug(`${rows} rows of logits asked for`);
    return known;
  }
}
