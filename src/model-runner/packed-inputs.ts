import type { IoBinding } from '../onnxruntime/io-binding';
import { pinnedInt32, pinnedInt64 } from '../onnxruntime/tensor';
import type { Backend, StagedTensor } from './backends/backend';

/**
 * The inputs of an encoder (see `buildEncoder`) for one run over whole texts: their tokens one after the other, and how
 * attention finds them.
 */
export class PackedInputs {
  private readonly tensors: readonly (readonly [name: string, tensor: StagedTensor])[];

  /**
   * @param prompts at least one token each
   * @param rows flat tokens whose hidden states are asked for
   */
  constructor(backend: Backend, prompts: readonly Int32Array[], rows: readonly number[]) {
    const tokens = prompts.reduce((sum, ids) => sum + ids.length, 0);
    const sequence = Math.max(...prompts.map((ids) => ids.length));
    const inputIds = pinnedInt64(tokens);
    const positionIds = pinnedInt64(tokens);
    const padded = pinnedInt64(prompts.length * sequence);
    const unpadded = pinnedInt64(tokens);
    const seqlens = pinnedInt32(prompts.length);
    const totalLen = pinnedInt32(1).fill(sequence);
    const wanted = pinnedInt64(rows.length);
    let token = 0;
    prompts.forEach((ids, row) => {
      seqlens[row] = ids.length - 1;
      padded.fill(BigInt(token), row * sequence, (row + 1) * sequence);
      ids.forEach((id, at) => {
        inputIds[token] = BigInt(id);
        positionIds[token] = BigInt(at);
        padded[row * sequence + at] = BigInt(token);
        unpadded[token] = BigInt(row * sequence + at);
        token++;
      });
    });
    rows.forEach((row, at) => (wanted[at] = BigInt(row)));
    this.tensors = [
      ['input_ids', backend.stage('int64', inputIds, [tokens])],
      ['position_ids', backend.stage('int64', positionIds, [tokens])],
      ['padded', backend.stage('int64', padded, [prompts.length, sequence])],
      ['unpadded', backend.stage('int64', unpadded, [tokens])],
      ['seqlens_k', backend.stage('int32', seqlens, [prompts.length])],
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
