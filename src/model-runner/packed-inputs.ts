import type { IoBinding } from '../onnxruntime/io-binding';
import { pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';

/** A text as a model reads it: one, or two that belong together. */
export interface EncodedText {
  readonly ids: Int32Array;
  /** The first token of the second text, for models that tell the two apart; null where there is one. */
  readonly pairAt: number | null;
  /** Whether its vector is wanted as it is before anything brings it to length 1. */
  readonly isRaw?: true;
}

/**
 * The inputs of an encoder (see `buildEncoder`) for one run over whole texts: their tokens one after the other, and how
 * attention finds them.
 */
export class PackedInputs {
  private readonly tensors: readonly (readonly [name: string, tensor: StagedTensor])[];

  /**
   * @param texts at least one token each
   * @param rows flat tokens whose hidden states are asked for
   */
  constructor(backend: Backend, texts: readonly EncodedText[], rows: readonly number[]) {
    const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
    const sequence = Math.max(...texts.map(({ ids }) => ids.length));
    const inputIds = pinnedInt64(tokens);
    const positionIds = pinnedInt64(tokens);
    const typeIds = pinnedInt64(tokens);
    const padded = pinnedInt64(texts.length * sequence);
    const unpadded = pinnedInt64(tokens);
    const seqlens = pinnedInt32(texts.length);
    const totalLen = pinnedInt32(1).fill(sequence);
    const wanted = pinnedInt64(rows.length);
    let token = 0;
    texts.forEach(({ ids, pairAt }, row) => {
      seqlens[row] = ids.length - 1;
      padded.fill(BigInt(token), row * sequence, (row + 1) * sequence);
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
      ['input_ids', backend.stage('int64', inputIds, [tokens])],
      ['position_ids', backend.stage('int64', positionIds, [tokens])],
      ['token_type_ids', backend.stage('int64', typeIds, [tokens])],
      ['padded', backend.stage('int64', padded, [texts.length, sequence])],
      ['unpadded', backend.stage('int64', unpadded, [tokens])],
      ['seqlens_k', backend.stage('int32', seqlens, [texts.length])],
      ['total_len', backend.stage('int32', totalLen, [])],
      ['logit_indices', backend.stage('int64', wanted, [rows.length])],
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
