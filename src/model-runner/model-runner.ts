import { bug } from '../core/errors';
import type { ModelConfig } from '../models/config/model-config';
import type { KvStore } from './kv-store';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';
import { cutIntoRuns } from './pieces';
import { RoutingTap, type RoutingOutput } from './routing';
import { StepInputs } from './step-inputs';

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

/** What a padded row is given. */
const PAD_ID = new Int32Array(1);

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
  /** Batch sizes that were captured, ascending. */
  private captured: readonly number[] = [];
  private readonly rowBindings = new Map<number, IoBinding>();
  private readonly logits: StagedTensor<Float32Array>;
  /** Its first rows, by their number. */
  private readonly logitRows: StagedTensor<Float32Array>[] = [];

  constructor(
    private session: Session,
    private readonly config: Pick<ModelConfig, 'vocabSize'>,
    private readonly backend: Backend,
    readonly kv: KvStore,
    private readonly padsBatches = true,
  ) {
    const rows = Math.max(kv.rows, MAX_LOGIT_ROWS);
    const { vocabSize } = config;
    this.logits = backend.stage('float32', pinnedFloat32(rows * vocabSize), [rows, vocabSize]);
    this.routing = RoutingTap.of(session, backend);
  }

  /** Binds a decode batch size and runs it over rows that hold nothing. Only while no request runs. */
  async capture(batchSize: number): Promise<void> {
    this.captured = [...new Set([...this.captured, batchSize])].sort((a, b) => a - b);
    for (let run = 0; run < this.backend.captureRuns; run++) {
      await this.decode(new Int32Array(batchSize), new Int32Array(batchSize));
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

  private async step(ids: Int32Array, lengths: Int32Array): Promise<Float32Array> {
    const { padding } = this.kv;
    const captured = this.capturedSize(ids.length);
    const size = captured ?? ids.length;
    const { inputs, binding, experts } = this.decodeOf(size, captured !== null);
    for (let row = 0; row < ids.length; row++) {
      inputs.setRow(row, ids.subarray(row, row + 1), lengths[row] as number);
    }
    for (let row = ids.length; row < size; row++) inputs.setRow(row, PAD_ID, padding?.place(row) ?? 0);
    // What a device replays was captured with one length for all.
    inputs.finish(padding && captured !== null ? this.kv.capacity + 1 : undefined);
    const result = await this.run(binding, this.logitsOf(ids.length));
    padding?.appended(lengths);
    const rows = () => Array.from(lengths, (past, row) => ({ ids: ids.subarray(row, row + 1), past }));
    await experts?.tell('decode', 1, rows);
    return result;
  }

  /**
   * Appends a piece of a prompt to its row.
   * @returns logits of the positions asked for, [logitPositions.length, vocab]; where none are, nothing of meaning
   */
  extend(item: ExtendItem): Promise<Float32Array> {
    return this.backend.turn(() => this.append(item));
  }

  private async append(item: ExtendItem): Promise<Float32Array> {
    const runs = cutIntoRuns(item, this.backend.runTokens);
    return runs.length === 1 ? this.appendAtOnce(item) : this.appendInTurn(runs);
  }

  /** @returns the logits that were asked for, of all runs, in memory of its own */
  private async appendInTurn(runs: readonly ExtendItem[]): Promise<Float32Array> {
    const { vocabSize } = this.config;
    const rows = runs.reduce((sum, { logitPositions }) => sum + logitPositions.length, 0);
    const all = new Float32Array(rows * vocabSize);
    let row = 0;
    for (const run of runs) {
      const logits = await this.appendAtOnce(run);
      const count = run.logitPositions.length;
      all.set(logits.subarray(0, count * vocabSize), row * vocabSize);
      row += count;
    }
    return all;
  }

  private async appendAtOnce({ row, past, ids, logitPositions: wanted }: ExtendItem): Promise<Float32Array> {
    // Quantized projections cannot compute no rows at all.
    const logitPositions = wanted.length > 0 ? wanted : [ids.length - 1];
    const inputs = new StepInputs(this.backend, this.session, 1, ids.length, logitPositions.length);
    inputs.setRow(0, ids, past);
    inputs.setLogitIndices(logitPositions);
    inputs.finish();
    const binding = this.rowBinding(row);
    const experts = this.routing?.bind(binding, ids.length) ?? null;
    try {
      inputs.bind(binding);
      this.kv.enter(row, 1, past);
      const logits = await this.run(binding, this.bindLogits(binding, logitPositions.length));
      this.kv.leave(row, past, [past + ids.length]);
      await experts?.tell('extend', ids.length, () => [{ ids, past }]);
      return logits;
    } finally {
      experts?.dispose();
      inputs.dispose();
    }
  }

  /**
   * Appends whole prompts to rows that hold nothing, as one batch padded on the right.
   * @param prompts of rows `first`, `first + 1`, …
   * @returns logits of each prompt's last token, [prompts.length, vocab]
   */
  extendFirst(first: number, prompts: readonly Int32Array[]): Promise<Float32Array> {
    return this.backend.turn(() => this.appendFirst(first, prompts));
  }

  private async appendFirst(first: number, prompts: readonly Int32Array[]): Promise<Float32Array> {
    const sequence = Math.max(...prompts.map((ids) => ids.length));
    if (sequence > this.backend.runTokens) {
      const runs = prompts.map((ids, at) => ({
        row: first + at,
        past: 0,
        ids,
        logitPositions: [ids.length - 1],
      }));
      return this.appendInTurn(runs.flatMap((run) => cutIntoRuns(run, this.backend.runTokens)));
    }
    const inputs = new StepInputs(this.backend, this.session, prompts.length, sequence, prompts.length);
    prompts.forEach((ids, row) => inputs.setRow(row, ids, 0));
    inputs.setLogitIndices(prompts.map((ids, row) => row * sequence + ids.length - 1));
    inputs.finish();
    const binding = new IoBinding(this.session);
    const experts = this.routing?.bind(binding, prompts.length * sequence) ?? null;
    try {
      inputs.bind(binding);
      this.kv.bind(binding, first, prompts.length, sequence);
      this.kv.enter(first, prompts.length, 0);
      const logits = await this.run(binding, this.bindLogits(binding, prompts.length));
      this.kv.leave(
        first,
        0,
        prompts.map((ids) => ids.length),
      );
      await experts?.tell('extend', sequence, () => prompts.map((ids) => ({ ids, past: 0 })));
      return logits;
    } finally {
      binding.dispose();
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
    for (const rows of this.logitRows) rows?.dispose();
    this.logits.dispose();
  }

  /** The captured size that a batch runs as; null where it runs as it is. Only stores that know where padding may write have larger ones. */
  private capturedSize(batchSize: number): number | null {
    const pads = this.padsBatches && this.kv.padding !== undefined;
    return this.captured.find((size) => (pads ? size >= batchSize : size === batchSize)) ?? null;
  }

  private decodeOf(size: number, isCaptured: boolean): CapturedDecode {
    let decode = this.decodes.get(size);
    if (!decode) {
      const inputs = new StepInputs(this.backend, this.session, size, 1, size);
      inputs.setLogitIndices(Array.from({ length: size }, (_, row) => row));
      const binding = isCaptured
        ? this.backend.bindCaptured(this.session, size)
        : new IoBinding(this.session);
      inputs.bind(binding);
      this.kv.bind(binding, 0, size, this.kv.capacity);
      const experts = this.routing?.bind(binding, size) ?? null;
      this.bindLogits(binding, size);
      decode = { inputs, binding, experts };
      this.decodes.set(size, decode);
    }
    return decode;
  }

  private rowBinding(row: number): IoBinding {
    let binding = this.rowBindings.get(row);
    if (!binding) {
      binding = new IoBinding(this.session);
      this.kv.bind(binding, row, 1, this.kv.capacity);
      this.rowBindings.set(row, binding);
    }
    return binding;
  }

  /** Runs the graph over what the store holds by now. Resolves when the logits are here. */
  private async run(binding: IoBinding, logits: StagedTensor<Float32Array>): Promise<Float32Array> {
    const moving = this.kv.settled();
    if (moving) await moving;
    await binding.run();
    const copying = logits.download();
    if (copying) await copying;
    return logits.data;
  }

  /** Binds the first `rows` rows of the shared logits memory as the run's output. */
  private bindLogits(binding: IoBinding, rows: number): StagedTensor<Float32Array> {
    const staged = this.logitsOf(rows);
    binding.bindOutput('logits', staged.tensor);
    return staged;
  }

  private logitsOf(rows: number): StagedTensor<Float32Array> {
    const dims = [rows, this.config.vocabSize];
    const staged = (this.logitRows[rows] ??= this.logits.front(dims));
    if (staged.data.length !== rows * this.config.vocabSize) throw bug(`${rows} rows of logits asked for`);
    return staged;
  }
}
