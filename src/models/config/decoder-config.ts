import { isDeepStrictEqual } from 'node:util';
import { quote } from '../../checkpoint/model-files';
import { ACTIVATIONS, type Activation } from '../layers/activation';
import type { ConfigFile } from './config-file';
import type { Experts } from './experts';
import { readLayerTypes } from './layer-types';
import { readHeads, readModelConfig, type HeadDefaults, type ModelConfig } from './model-config';
import { readRope, type LayerType, type Rope, type RopeDefaults } from './rope';

/** Names of the norms around one branch of a block, relative to the layer; null where there is none. */
export interface BranchNorms {
  /** Of the branch's input. */
  readonly before: string | null;
  /** Of the branch's output, before it is added to the residual. */
  readonly after: string | null;
}

/** Where the norms of a block stand. */
export interface BlockNorms {
  readonly attention: BranchNorms;
  readonly mlp: BranchNorms;
}

/** Of the Llama line: the input of each branch is normed. */
export const PRE_NORMS: BlockNorms = {
  attention: { before: 'input_layernorm', after: null },
  mlp: { before: 'post_attention_layernorm', after: null },
};

/** A decoder's shape and habits, with its family's defaults filled in. */
export interface DecoderConfig extends ModelConfig {
  readonly intermediateSize: number;
  readonly hiddenAct: Activation;
  readonly tieWordEmbeddings: boolean;
  /** The query, key and value projections have a bias. */
  readonly qkvBias: boolean;
  /** The projection that leaves the attention has a bias. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** `qkv_proj` and `gate_up_proj` are one tensor each. */
  readonly fusedProjections: boolean;
  /** For each layer its experts; a layer with null, or not listed, has an MLP. */
  readonly experts: readonly (Experts | null)[];

  readonly rmsNormEps: number;
  /** What is added to the weight of every norm. */
  readonly normOffset: 0 | 1;
  readonly blockNorms: BlockNorms;
  /** RMS norms of queries and keys before they are rotated: of each head, or of all heads together. */
  readonly qkNorm: 'none' | 'head' | 'projection';
  /** Queries, keys and values are cut to ±qkvClip before they are rotated; null leaves them alone. */
  readonly qkvClip: number | null;

  /** For each layer its rotary embedding, the same object where it is the same; null for a layer that knows no positions. */
  readonly ropes: readonly (Rope | null)[];
  /** For each layer, how many positions a token attends to, itself included; null is all of them. */
  readonly slidingWindows: readonly (number | null)[];
  /** What scores are multiplied with; null is 1 / sqrt(headDim). */
  readonly attentionScale: number | null;
  /** Scores and logits are bent to stay within ±cap: cap · tanh(x / cap). null leaves them alone. */
  readonly attentionSoftcap: number | null;
  readonly logitSoftcap: number | null;

  /** What embeddings, the output of each branch and logits are multiplied with. */
  readonly embeddingMultiplier: number;
  readonly residualMultiplier: number;
  readonly logitMultiplier: number;
}

/** Fields of `DecoderConfig` that a family sets by its nature or from fields that only it has. */
type Nature = Pick<
  DecoderConfig,
  | 'fusedProjections'
  | 'experts'
  | 'normOffset'
  | 'blockNorms'
  | 'qkNorm'
  | 'qkvClip'
  | 'attentionScale'
  | 'attentionSoftcap'
  | 'logitSoftcap'
  | 'embeddingMultiplier'
  | 'residualMultiplier'
  | 'logitMultiplier'
>;

const LLAMA_NATURE: Nature = {
  fusedProjections: false,
  experts: [],
  normOffset: 0,
  blockNorms: PRE_NORMS,
  qkNorm: 'none',
  qkvClip: null,
  attentionScale: null,
  attentionSoftcap: null,
  logitSoftcap: null,
  embeddingMultiplier: 1,
  residualMultiplier: 1,
  logitMultiplier: 1,
};

/** In what a family differs from Llama, which is what everything left out means. */
export interface DecoderTraits extends Partial<Nature>, HeadDefaults {
  /** `attention_bias` and `mlp_bias` of the config, unless the family has fixed biases. */
  readonly biases?: { readonly qkv: boolean; readonly output: boolean };
  /** When the config does not say. */
  readonly tieWordEmbeddings?: boolean;
  readonly rmsNormEps?: number;
  /** The field that names the activation, and what it is when the field is absent. */
  readonly activation?: { readonly field: string; readonly name: string | null | undefined };
  readonly rope?: RopeDefaults;
  /** Whether a layer knows positions; by default all do. */
  readonly rotates?: (layer: number) => boolean;
  /** The window of sliding layers; null is none. Llama has none, whatever its config says. */
  readonly window?: number | null;
  /** Type of a layer when the config has no `layer_types`. */
  readonly layerType?: (layer: number) => LayerType;
}

/**
 * Reads a decoder's config as its family understands it.
 * @throws StartupError of one line for a missing or wrong field, or a feature that is not supported
 */
export function readDecoderConfig(config: ConfigFile, traits: DecoderTraits = {}): DecoderConfig {
  const { fields } = config;
  if (fields.use_bidirectional_attention) {
    throw config.refusal(`'use_bidirectional_attention' is not supported`);
  }
  const heads = readHeads(config, traits);
  const types = readLayerTypes(config, traits.layerType ?? (() => (traits.window == null ? 'full_attention' : 'sliding_attention')));
  const full = readRope(config, heads.headDim, traits.rope ?? {}, 'full_attention');
  const sliding = readRope(config, heads.headDim, traits.rope ?? {}, 'sliding_attention');
  const same = isDeepStrictEqual(full.rope, sliding.rope);
  const ropeOf = { full_attention: full.rope, sliding_attention: same ? full.rope : sliding.rope };
  return {
    ...readModelConfig(config, heads, full.contextFactor),
    ...LLAMA_NATURE,
    ...natureOf(traits),
    intermediateSize: fields.intermediate_size,
    hiddenAct: readActivation(config, traits.activation ?? { field: 'hidden_act', name: fields.hidden_act ?? 'silu' }),
    tieWordEmbeddings: fields.tie_word_embeddings ?? traits.tieWordEmbeddings ?? false,
    qkvBias: traits.biases?.qkv ?? fields.attention_bias ?? false,
    outputBias: traits.biases?.output ?? fields.attention_bias ?? false,
    mlpBias: fields.mlp_bias ?? false,
    rmsNormEps: fields.rms_norm_eps ?? traits.rmsNormEps ?? 1e-6,
    ropes: types.map((type, layer) => ((traits.rotates?.(layer) ?? true) ? ropeOf[type] : null)),
    slidingWindows: types.map((type) => (type === 'sliding_attention' ? (traits.window ?? null) : null)),
  };
}

function natureOf(traits: DecoderTraits): Partial<Nature> {
  const keys = Object.keys(LLAMA_NATURE) as (keyof Nature)[];
  return Object.fromEntries(keys.filter((key) => traits[key] !== undefined).map((key) => [key, traits[key]]));
}

function readActivation(
  config: ConfigFile,
  { field, name }: { readonly field: string; readonly name: string | null | undefined },
): Activation {
  if (typeof name === 'string' && Object.hasOwn(ACTIVATIONS, name)) return name as Activation;
  throw config.refusal(
    `'${field}' ${quote(name)} is not supported (${Object.keys(ACTIVATIONS).join(', ')} are)`,
  );
}
