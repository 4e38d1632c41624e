import type { SentenceModules } from '../models/config/sentence-modules';
import type { Model } from '../models/model';
import { IoBinding } from '../onnxruntime/io-binding';
import type { Session } from '../onnxruntime/session';
import { pinnedFloat32 } from '../onnxruntime/tensor';
import type { Backend } from './backends/backend';
import { PackedInputs, type EncodedText } from './packed-inputs';
import { pool, pooledTokens, withoutLength } from './pooling';
import { RoutingTap } from './routing';
import { StepInputs } from './step-inputs';

/** Runs a model over whole texts and keeps nothing between two runs. The session is another's. */
export class EmbeddingRunner {
  /** Whether a run computes padding like tokens: a decoder does, an encoder takes its texts packed. */
  readonly computesPadding: boolean;
  /** Values that the model gives for a token. */
  private readonly size: number;
  /** null where the graph does not tell the experts of its tokens. */
  readonly routing: RoutingTap | null;

  constructor(
    private session: Session,
    { config, head }: Pick<Model, 'config' | 'head'>,
    private readonly backend: Backend,
    private sentences: SentenceModules,
  ) {
    this.routing = RoutingTap.of(session, backend);
    this.computesPadding = !session.takes('unpadded');
    this.size = head?.labels.names.length ?? config.hiddenSize;
  }

  /**
   * @param texts at least one token each; one run computes them all
   * @returns one vector for each text; null for one that came out as NaN
   */
  embed(texts: readonly EncodedText[]): Promise<readonly (Float32Array | null)[]> {
    return this.backend.turn(() => this.run(texts));
  }

  private async run(texts: readonly EncodedText[]): Promise<readonly (Float32Array | null)[]> {
    const { size } = this;
    const wanted = texts.map(({ ids }) => pooledTokens(this.sentences.modes, ids.length));
    const rows = wanted.reduce((sum, tokens) => sum + tokens.length, 0);
    const inputs = this.computesPadding ? this.paddedInputs(texts, wanted) : this.packedInputs(texts, wanted);
    const hidden = this.backend.stage('float32', pinnedFloat32(rows * size), [rows, size]);
    const binding = new IoBinding(this.session);
    // Only decoders have experts.
    const routed = this.routing !== null && inputs instanceof StepInputs ? inputs : null;
    const experts = routed && (this.routing?.bind(binding, routed.places) ?? null);
    try {
      inputs.bind(binding);
      binding.bindOutput('hidden', hidden.tensor);
      await binding.run();
      await hidden.download();
      if (routed) await experts?.tell('extend', routed, () => texts.map(({ ids }) => ({ ids, past: 0 })));
      let row = 0;
      return wanted.map((tokens, i) => {
        const own = hidden.data.subarray(row * size, (row += tokens.length) * size);
        return pool(own, size, texts[i]?.isRaw ? withoutLength(this.sentences) : this.sentences);
      });
    } finally {
      binding.dispose();
      experts?.dispose();
      inputs.dispose();
      hidden.dispose();
    }
  }

  /** Computes with other weights of the same model from the next run on. Whoever put them in frees the old ones. */
  use(session: Session, sentences: SentenceModules): void {
    this.session = session;
    this.sentences = sentences;
  }

  private paddedInputs(texts: readonly EncodedText[], wanted: readonly (readonly number[])[]): StepInputs {
    const lengths = texts.map(({ ids }) => ids.length);
    const inputs = new StepInputs(this.backend, this.session, lengths, wanted.flat().length);
    texts.forEach(({ ids }, row) => inputs.setRow(row, ids, 0));
    inputs.setLogitTokens(wanted);
    inputs.finish();
    return inputs;
  }

  private packedInputs(texts: readonly EncodedText[], wanted: readonly (readonly number[])[]): PackedInputs {
    let start = 0;
    const rows = wanted.flatMap((tokens, row) => {
      const own = tokens.map((token) => start + token);
      start += texts[row]?.ids.length ?? 0;
      return own;
    });
    return new PackedInputs(this.backend, this.session, texts, rows);
  }
}
