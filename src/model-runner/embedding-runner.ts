import type { ModelConfig } from '../models/config/model-config';
import type { SentenceModules } from '../models/config/sentence-modules';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32 } from '../onnxruntime/tensor';
import type { Backend } from './backends/backend';
import { PackedInputs } from './packed-inputs';
import { pool, pooledTokens } from './pooling';
import { StepInputs } from './step-inputs';

/** Runs a model over whole prompts and keeps nothing between two runs. Owns the session. */
export class EmbeddingRunner {
  /** Whether a run computes padding like tokens: a decoder does, an encoder takes its texts packed. */
  readonly computesPadding: boolean;

  constructor(
    private readonly session: Session,
    private readonly config: Pick<ModelConfig, 'hiddenSize'>,
    private readonly backend: Backend,
    private readonly sentences: SentenceModules,
  ) {
    this.computesPadding = !this.takes('unpadded');
  }

  /**
   * @param prompts at least one token each; one run computes them all
   * @returns one vector for each prompt; null for one that came out as NaN
   */
  async embed(prompts: readonly Int32Array[]): Promise<readonly (Float32Array | null)[]> {
    const { hiddenSize } = this.config;
    const wanted = prompts.map((ids) => pooledTokens(this.sentences.modes, ids.length));
    const rows = wanted.reduce((sum, tokens) => sum + tokens.length, 0);
    const inputs = this.computesPadding
      ? this.paddedInputs(prompts, wanted)
      : this.packedInputs(prompts, wanted);
    const hidden = this.backend.stage('float32', pinnedFloat32(rows * hiddenSize), [rows, hiddenSize]);
    const binding = new IoBinding(this.session);
    try {
      inputs.bind(binding);
      binding.bindOutput('hidden', hidden.tensor);
      await binding.run();
      await hidden.download();
      let row = 0;
      return wanted.map((tokens) => {
        const own = hidden.data.subarray(row * hiddenSize, (row += tokens.length) * hiddenSize);
        return pool(own, hiddenSize, this.sentences);
      });
    } finally {
      binding.dispose();
      inputs.dispose();
      hidden.dispose();
    }
  }

  dispose(): void {
    this.session.dispose();
  }

  private takes(input: string): boolean {
    return this.session.inputs.some(({ name }) => name === input);
  }

  private paddedInputs(prompts: readonly Int32Array[], wanted: readonly (readonly number[])[]): StepInputs {
    const sequence = Math.max(...prompts.map((ids) => ids.length));
    const rows = wanted.flatMap((tokens, row) => tokens.map((token) => row * sequence + token));
    const inputs = new StepInputs(
      this.backend,
      prompts.length,
      sequence,
      rows.length,
      this.takes('position_ids'),
    );
    prompts.forEach((ids, row) => inputs.setRow(row, ids, 0));
    inputs.setLogitIndices(rows);
    inputs.finish();
    return inputs;
  }

  private packedInputs(prompts: readonly Int32Array[], wanted: readonly (readonly number[])[]): PackedInputs {
    let start = 0;
    const rows = wanted.flatMap((tokens, row) => {
      const own = tokens.map((token) => start + token);
      start += prompts[row]?.length ?? 0;
      return own;
    });
    return new PackedInputs(this.backend, prompts, rows);
  }
}
