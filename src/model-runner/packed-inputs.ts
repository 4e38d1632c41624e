import type { ElementTypeName, TensorData } from '../onnxruntime/element-type';
import type { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32, pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';

/** A text as a model reads it: one, or two that belong together. */
export interface EncodedText {
  readonly ids: Int32Array;
  /** The first token of the second text, for models that tell the two apart; null where there is one. */
  readonly pairAt: number | null;
  /** Whether its vector is wanted as it is before anything brings it to length 1. */
  readonly isRaw?: true;
}

/** Added to a score it leaves no weight, and float16 holds it. */
const MASKED = -1e4;

/**
 * The inputs of an encoder (see `buildEncoder`) for one run over whole texts: their tokens one after the other, and how
 * attention finds them.
 */
export class PackedInputs {
  private readonly tensors: readonly (readonly [name: string, tensor: StagedTensor])[];

  /**
   * @param session what they are for
   * @param texts at least one token each
   * @param rows flat tokens whose hidden states are asked for
   */
  constructor(backend: Backend, session: Session, texts: readonly EncodedText[], rows: readonly number[]) {
    const staged = (name: string, type: ElementTypeName, data: TensorData, dims: readonly number[]) =>
      session.takes(name) ? [[name, backend.stage(type, data, dims, session.placeOf(name))] as const] : [];
    const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
    const sequence = Math.max(...texts.map(({ ids }) => ids.length));
    const inputIds = pinnedInt64(tokens);
    const positionIds = pinnedInt64(tokens);
    const typeIds = pinnedInt64(tokens);
    const padded = pinnedInt64(texts.length * sequence);
    const unpadded = pinnedInt64(tokens);
    const seqlens = pinnedInt32(texts.length);
    const mask = pinnedFloat32(texts.length * sequence).fill(MASKED);
    const totalLen = pinnedInt32(1).fill(sequence);
    const wanted = pinnedInt64(rows.length);
    let token = 0;
    texts.forEach(({ ids, pairAt }, row) => {
      seqlens[row] = ids.length - 1;
      padded.fill(BigInt(token), row * sequence, (row + 1) * sequence);
      mask.fill(0, row * sequence, row * sequence + ids.length);
      ids.forEach((id, at) => {
        inputIds[token] = BigInt(id);
        positionIds[token] = BigInt(at);
        typeIds[token] = pairAt !== null && at >= pairAt ? 1n : 0n;
        padded[row * sequence + at] = BigInt(token);
        unpadded[token] = BigInt(row * sequence + at);
        token++;
      });
    });
    rows.forEach((row, at) => (wanted[at] = BigInt(row)));
    this.tensors = [
      ...staged('input_ids', 'int64', inputIds, [tokens]),
      ...staged('position_ids', 'int64', positionIds, [tokens]),
      ...staged('token_type_ids', 'int64', typeIds, [tokens]),
      ...staged('padded', 'int64', padded, [texts.length, sequence]),
      ...staged('unpadded', 'int64', unpadded, [tokens]),
      ...staged('seqlens_k', 'int32', seqlens, [texts.length]),
      ...staged('total_len', 'int32', totalLen, []),
      ...staged('mask', 'float32', mask, [texts.length, 1, 1, sequence]),
      ...staged('logit_indices', 'int64', wanted, [rows.length]),
    ];
    for (const [, staged] of this.tensors) staged.upload();
  }

  bind(binding: IoBinding): void {
    for (const [name, staged] of this.tensors) binding.bindInput(name, staged.tensor);
  }

  dispose(): void {
    for (const [, staged] of this.tensors) staged.dispose();
  }
}
