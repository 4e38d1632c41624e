import { bug } from '../core/errors';
import type { ModelConfig } from '../models/config/model-config';
import { needsPositionIds } from '../models/layers/attention';
import type { KvStore } from './kv-store';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { Tensor, pinnedFloat32 } from '../onnxruntime/tensor';
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

/** Inputs and logits of one batch size, bound once and run for every decode step of that size. */
interface CapturedDecode {
  readonly inputs: StepInputs;
  readonly binding: IoBinding;
  readonly logits: Float32Array;
}

/**
 * Runs the model over the rows of a `KvStore`, one run at a time. Owns the session, the bindings and the store. Logits it
 * returns are views of memory that the next run overwrites.
 */
export class ModelRunner {
  private readonly captured = new Map<number, CapturedDecode>();
  private readonly rowBindings = new Map<number, IoBinding>();
  private readonly logits: Float32Array;
  private readonly logitTensors: Tensor[] = [];
  private readonly withPositions: boolean;

  constructor(
    private readonly session: Session,
    private readonly config: ModelConfig,
    readonly kv: KvStore,
  ) {
    this.logits = pinnedFloat32(Math.max(kv.rows, MAX_LOGIT_ROWS) * config.vocabSize);
    this.withPositions = needsPositionIds(config);
  }

  /** Binds a decode batch size and runs it once over rows that hold nothing. Only while no request runs. */
  async capture(batchSize: number): Promise<void> {
    await this.decode(new Int32Array(batchSize), new Int32Array(batchSize));
  }

  /**
   * Appends one token to each of the first `ids.length` rows.
   * @param ids the tokens, one a row
   * @param lengths tokens each row holds already
   * @returns logits, [ids.length, vocab]
   */
  async decode(ids: Int32Array, lengths: Int32Array): Promise<Float32Array> {
    const { inputs, binding, logits } = this.decodeOf(ids.length);
    for (let row = 0; row < ids.length; row++) {
      inputs.setRow(row, ids.subarray(row, row + 1), lengths[row] as number);
    }
    inputs.finish();
    await binding.run();
    return logits;
  }

  /**
   * Appends a piece of a prompt to its row.
   * @returns logits of the positions asked for, [logitPositions.length, vocab]
   */
  async extend({ row, past, ids, logitPositions }: ExtendItem): Promise<Float32Array> {
    const inputs = new StepInputs(1, ids.length, logitPositions.length, this.withPositions);
    inputs.setRow(0, ids, past);
    inputs.setLogitIndices(logitPositions);
    inputs.finish();
    const binding = this.rowBinding(row);
    try {
      inputs.bind(binding);
      const logits = this.bindLogits(binding, logitPositions.length);
      await binding.run();
      return logits;
    } finally {
      inputs.dispose();
    }
  }

  /**
   * Appends whole prompts to rows that hold nothing, as one batch padded on the right.
   * @param prompts of rows `first`, `first + 1`, …
   * @returns logits of each prompt's last token, [prompts.length, vocab]
   */
  async extendFirst(first: number, prompts: readonly Int32Array[]): Promise<Float32Array> {
    const sequence = Math.max(...prompts.map((ids) => ids.length));
    const inputs = new StepInputs(prompts.length, sequence, prompts.length, this.withPositions);
    prompts.forEach((ids, row) => inputs.setRow(row, ids, 0));
    inputs.setLogitIndices(prompts.map((ids, row) => row * sequence + ids.length - 1));
    inputs.finish();
    const binding = new IoBinding(this.session);
    try {
      inputs.bind(binding);
      this.kv.bind(binding, first, prompts.length);
      const logits = this.bindLogits(binding, prompts.length);
      await binding.run();
      return logits;
    } finally {
      binding.dispose();
      inputs.dispose();
    }
  }

  dispose(): void {
    for (const { binding, inputs } of this.captured.values()) {
      binding.dispose();
      inputs.dispose();
    }
    for (const binding of this.rowBindings.values()) binding.dispose();
    for (const tensor of this.logitTensors) tensor?.dispose();
    this.session.dispose();
  }

  private decodeOf(size: number): CapturedDecode {
    let decode = this.captured.get(size);
    if (!decode) {
      const inputs = new StepInputs(size, 1, size, this.withPositions);
      inputs.setLogitIndices(Array.from({ length: size }, (_, row) => row));
      const binding = new IoBinding(this.session);
      inputs.bind(binding);
      this.kv.bind(binding, 0, size);
      decode = { inputs, binding, logits: this.bindLogits(binding, size) };
      this.captured.set(size, decode);
    }
    return decode;
  }

  private rowBinding(row: number): IoBinding {
    let binding = this.rowBindings.get(row);
    if (!binding) {
      binding = new IoBinding(this.session);
      this.kv.bind(binding, row, 1);
      this.rowBindings.set(row, binding);
    }
    return binding;
  }

  /** Binds the first `rows` rows of the shared logits memory as the run's output. */
  private bindLogits(binding: IoBinding, rows: number): Float32Array {
    const view = this.logits.subarray(0, rows * this.config.vocabSize);
    if (view.length !== rows * this.config.vocabSize) throw bug(`${rows} rows of logits asked for`);
    const tensor = (this.logitTensors[rows] ??= Tensor.over('float32', view, [rows, this.config.vocabSize]));
    binding.bindOutput('logits', tensor);
    return view;
  }
}
