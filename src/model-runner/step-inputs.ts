import type { ElementTypeName, TensorData } from '../onnxruntime/element-type';
import type { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32, pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';
import type { TopWish } from './top-rows';

/**
 * The small tensors of one run over rows of new tokens: the graph's inputs beside keys and values. Where the graph takes `row_starts` rows
 * lie one after the other, else each is as long as the longest. Of fixed shape, so that a decode batch of one size binds them once and
 * only rewrites their content.
 */
export class StepInputs {
  /** [rows + 1] The place of each row's first token among all of them, padding included, and their number. */
  readonly starts: Int32Array;
  private readonly inputIds: BigInt64Array;
  private readonly positionIds: BigInt64Array;
  private readonly seqlens: Int32Array;
  private readonly totalLen = pinnedInt32(1);
  private readonly logitIndices: BigInt64Array;
  private readonly scales: Float32Array;
  private readonly draws: Float32Array;
  private readonly tensors: readonly (readonly [name: string, tensor: StagedTensor])[];

  /**
   * @param session what they are for
   * @param lengths new tokens of each row
   * @param logitRows tokens that go through the vocabulary projection
   */
  constructor(
    backend: Backend,
    session: Session,
    lengths: readonly number[],
    readonly logitRows: number,
  ) {
    const batch = lengths.length;
    const packs = takesRowStarts(session);
    const longest = Math.max(...lengths);
    this.starts = pinnedInt32(batch + 1);
    lengths.forEach((length, row) => (this.starts[row + 1] = this.startOf(row) + (packs ? length : longest)));
    const places = this.startOf(batch);
    const tokenDims = packs ? [places] : [batch, longest];
    const staged = (name: string, type: ElementTypeName, data: TensorData, dims: readonly number[]) =>
      session.takes(name) ? [[name, backend.stage(type, data, dims, session.placeOf(name))] as const] : [];
    this.inputIds = pinnedInt64(places);
    this.positionIds = pinnedInt64(session.takes('position_ids') ? places : 0);
    this.seqlens = pinnedInt32(batch);
    this.logitIndices = pinnedInt64(logitRows);
    this.scales = pinnedFloat32(logitRows).fill(1);
    this.draws = pinnedFloat32(logitRows);
    this.tensors = [
      ...staged('input_ids', 'int64', this.inputIds, tokenDims),
      ...staged('seqlens_k', 'int32', this.seqlens, [batch]),
      ...staged('row_starts', 'int32', this.starts, [batch + 1]),
      ...staged('total_len', 'int32', this.totalLen, []),
      ...staged('logit_indices', 'int64', this.logitIndices, [logitRows]),
      ...staged('scales', 'float32', this.scales, [logitRows, 1]),
      ...staged('draws', 'float32', this.draws, [logitRows, 1]),
      ...staged('position_ids', 'int64', this.positionIds, tokenDims),
    ];
  }

  /** Tokens of all rows, padding included. */
  get places(): number {
    return this.inputIds.length;
  }

  /**
   * Writes one row: `ids` are appended to `past` tokens. Shorter rows than the longest are padded on the right where rows do not lie one after
   * the other, which is allowed only where none has a past.
   */
  setRow(row: number, ids: Int32Array, past: number): void {
    const start = this.startOf(row);
    for (let i = 0; i < this.startOf(row + 1) - start; i++) {
      this.inputIds[start + i] = BigInt(ids[Math.min(i, ids.length - 1)] as number);
      if (this.positionIds.length > 0) this.positionIds[start + i] = BigInt(past + i);
    }
    this.seqlens[row] = past + ids.length - 1;
  }

  /**
   * Sets which tokens give logits.
   * @param tokens of each row, counted from its first; all rows' together are `logitRows`
   */
  setLogitTokens(tokens: readonly (readonly number[])[]): void {
    const places = tokens.flatMap((own, row) => own.map((token) => this.startOf(row) + token));
    for (let i = 0; i < this.logitRows; i++) this.logitIndices[i] = BigInt(places[i] as number);
  }

  /** Sets what a device is to draw from the first `rows` rows of logits; null where nobody wants that. */
  setDraws(wish: TopWish | null, rows: number): void {
    if (wish === null) return;
    for (let row = 0; row < rows; row++) {
      this.scales[row] = 1 / wish.temperature(row);
      this.draws[row] = wish.draw(row);
    }
  }

  /**
   * Completes the inputs once every row is set, for the run that follows.
   * @param totalLen tokens of the longest row after the step, or more
   */
  finish(totalLen = Math.max(...this.seqlens) + 1): void {
    this.totalLen[0] = totalLen;
    for (const [, staged] of this.tensors) staged.upload();
  }

  bind(binding: IoBinding): void {
    for (const [name, staged] of this.tensors) binding.bindInput(name, staged.tensor);
  }

  dispose(): void {
    for (const [, staged] of this.tensors) staged.dispose();
  }

  private startOf(row: number): number {
    return this.starts[row] as number;
  }
}

/** Whether a graph's rows lie one after the other, so that a run can have any new tokens behind any pasts. */
export function takesRowStarts(session: Session): boolean {
  return session.takes('row_starts');
}
