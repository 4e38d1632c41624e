import type { ElementTypeName, TensorData } from '../onnxruntime/element-type';
import type { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';

/**
 * The small tensors of one step over `batch` rows of `sequence` tokens each: the graph's inputs beside the KV rows.
 * Fixed shape, so that a decode batch of one size binds them once and only rewrites their content.
 */
export class StepInputs {
  private readonly inputIds: BigInt64Array;
  private readonly positionIds: BigInt64Array;
  private readonly seqlens: Int32Array;
  private readonly totalLen = pinnedInt32(1);
  private readonly logitIndices: BigInt64Array;
  private readonly tensors: readonly (readonly [name: string, tensor: StagedTensor])[];

  /**
   * @param session what they are for
   * @param logitRows rows that go through the vocabulary projection
   */
  constructor(
    backend: Backend,
    session: Session,
    readonly batch: number,
    readonly sequence: number,
    readonly logitRows: number,
  ) {
    const withPositions = session.takes('position_ids');
    const staged = (name: string, type: ElementTypeName, data: TensorData, dims: readonly number[]) =>
      [name, backend.stage(type, data, dims, session.placeOf(name))] as const;
    this.inputIds = pinnedInt64(batch * sequence);
    this.positionIds = pinnedInt64(withPositions ? batch * sequence : 0);
    this.seqlens = pinnedInt32(batch);
    this.logitIndices = pinnedInt64(logitRows);
    this.tensors = [
      staged('input_ids', 'int64', this.inputIds, [batch, sequence]),
      staged('seqlens_k', 'int32', this.seqlens, [batch]),
      staged('total_len', 'int32', this.totalLen, []),
      staged('logit_indices', 'int64', this.logitIndices, [logitRows]),
      ...(withPositions ? [staged('position_ids', 'int64', this.positionIds, [batch, sequence])] : []),
    ];
  }

  /**
   * Writes one row: `ids` are appended to `past` tokens. Shorter rows than `sequence` are padded on the right, which is
   * allowed only where no row has a past.
   */
  setRow(row: number, ids: Int32Array, past: number): void {
    const start = row * this.sequence;
    for (let i = 0; i < this.sequence; i++) {
      this.inputIds[start + i] = BigInt(ids[Math.min(i, ids.length - 1)] as number);
      if (this.positionIds.length > 0) this.positionIds[start + i] = BigInt(past + i);
    }
    this.seqlens[row] = past + ids.length - 1;
  }

  /** Sets which flat positions (row · sequence + index) give logits. Call it after the last `setRow`. */
  setLogitIndices(indices: readonly number[]): void {
    for (let i = 0; i < this.logitRows; i++) this.logitIndices[i] = BigInt(indices[i] as number);
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
}
