import type { ModelConfig } from '../models/config/model-config';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32 } from '../onnxruntime/tensor';
import type { Backend } from './backends/backend';
import { StepInputs } from './step-inputs';

/**
 * Runs a model over whole prompts and keeps nothing between two runs. Owns the session.
 *
 * A prompt's vector is the hidden state of its last token, at length 1: what SGLang takes of a decoder that says nothing
 * else of itself.
 */
export class EmbeddingRunner {
  constructor(
    private readonly session: Session,
    private readonly config: Pick<ModelConfig, 'hiddenSize'>,
    private readonly backend: Backend,
  ) {}

  /**
   * @param prompts at least one token each; one run computes them all, padded to the longest
   * @returns one vector of `hiddenSize` for each prompt; null for one that came out as NaN
   */
  async embed(prompts: readonly Int32Array[]): Promise<readonly (Float32Array | null)[]> {
    const { hiddenSize } = this.config;
    const sequence = Math.max(...prompts.map((ids) => ids.length));
    const withPositions = this.session.inputs.some(({ name }) => name === 'position_ids');
    const inputs = new StepInputs(this.backend, prompts.length, sequence, prompts.length, withPositions);
    prompts.forEach((ids, row) => inputs.setRow(row, ids, 0));
    inputs.setLogitIndices(prompts.map((ids, row) => row * sequence + ids.length - 1));
    inputs.finish();
    const hidden = this.backend.stage('float32', pinnedFloat32(prompts.length * hiddenSize), [
      prompts.length,
      hiddenSize,
    ]);
    const binding = new IoBinding(this.session);
    try {
      inputs.bind(binding);
      binding.bindOutput('hidden', hidden.tensor);
      await binding.run();
      await hidden.download();
      return prompts.map((_, row) =>
        normalized(hidden.data.subarray(row * hiddenSize, (row + 1) * hiddenSize)),
      );
    } finally {
      binding.dispose();
      inputs.dispose();
      hidden.dispose();
    }
  }

  dispose(): void {
    this.session.dispose();
  }
}

/** A copy of the vector at length 1; a vector of zeros stays what it is. null when it holds NaN or infinity. */
function normalized(vector: Float32Array): Float32Array | null {
  let square = 0;
  for (const value of vector) square += value * value;
  if (!Number.isFinite(square)) return null;
  const length = Math.max(Math.sqrt(square), 1e-12);
  return vector.map((value) => value / length);
}
