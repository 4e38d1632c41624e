import { quote } from '../../checkpoint/model-files';
import type { ConfigFile } from './config-file';
import type { RawRope } from './raw-config';

/** How the rotary frequencies are stretched beyond the length a model was first trained for. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      /** Turns within the original length above which a pair is left alone, and below which it is stretched in full. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** The bounds between which the stretch grows are rounded outwards to whole pairs. */
      readonly truncate: boolean;
      readonly originalMaxPositionEmbeddings: number;
      /** What cosine and sine are multiplied with. */
      readonly attentionFactor: number;
    }
  | {
      readonly kind: 'longrope';
      /** A stretch for each pair, for contexts up to the original length and beyond it. */
      readonly shortFactor: readonly number[];
      readonly longFactor: readonly number[];
      readonly originalMaxPositionEmbeddings: number;
      readonly attentionFactor: number;
    };

/** A rotary position embedding. */
export interface Rope {
  readonly theta: number;
  /** How many of a head's elements are rotated: the first ones, an even number. */
  readonly dims: number;
  readonly scaling: RopeScaling | null;
}

/** Types of layers that may have a rotary embedding of their own. */
export type LayerType = 'full_attention' | 'sliding_attention';

export interface RopeDefaults {
  readonly theta?: number;
  /** The length a model was first trained for, where its config is silent; wins over what `rope_scaling` says. */
  readonly originalMaxPositionEmbeddings?: number;
  /** `max_position_embeddings` is the length with scaling already, whatever `rope_scaling` says. */
  readonly isStretched?: boolean;
  /** Sliding layers have this theta and no scaling, unless `rope_parameters` names them. */
  readonly slidingTheta?: number;
}

const DEFAULT_THETA = 10_000;

/**
 * Reads the rotary embedding of one type of layer from any style of config: `rope_theta` beside `rope_scaling`, both inside
 * `rope_parameters` (transformers 5), or there one for each type of layer.
 * @returns the rope, and what `max_position_embeddings` is multiplied with to get the length the model can hold
 * @throws StartupError for a kind of scaling that is not supported, or one with a missing field
 */
export function readRope(
  config: ConfigFile,
  headDim: number,
  defaults: RopeDefaults,
  type: LayerType,
): { rope: Rope; contextFactor: number } {
  const { fields } = config;
  const nested = fields.rope_parameters?.[type];
  if (type === 'sliding_attention' && defaults.slidingTheta !== undefined && !nested) {
    return { rope: { theta: defaults.slidingTheta, dims: headDim, scaling: null }, contextFactor: 1 };
  }
  const field = nested ? `rope_parameters.${type}` : fields.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const raw = nested ?? fields.rope_parameters ?? fields.rope_scaling ?? {};
  const partial = raw.partial_rotary_factor ?? fields.partial_rotary_factor ?? 1;
  const dims = Math.floor(headDim * partial);
  if (partial > 1 || dims % 2 !== 0 || dims === 0) {
    throw config.refusal(`'partial_rotary_factor' ${partial} does not rotate an even part of ${headDim} elements`);
  }
  const { scaling, contextFactor } = readScaling(config, raw, field, dims, defaults);
  const theta = raw.rope_theta ?? fields.rope_theta ?? defaults.theta ?? DEFAULT_THETA;
  return { rope: { theta, dims, scaling }, contextFactor: defaults.isStretched ? 1 : contextFactor };
}

function readScaling(
  config: ConfigFile,
  raw: RawRope,
  field: string,
  dims: number,
  defaults: RopeDefaults,
): { scaling: RopeScaling | null; contextFactor: number } {
  const { fields } = config;
  const need = (name: 'factor' | 'low_freq_factor' | 'high_freq_factor' | 'original_max_position_embeddings') => {
    const value = raw[name];
    if (typeof value !== 'number') throw config.refusal(`'${field}.${name}' is missing`);
    return value;
  };
  const original =
    fields.original_max_position_embeddings ??
    defaults.originalMaxPositionEmbeddings ??
    raw.original_max_position_embeddings ??
    fields.max_position_embeddings;
  const kind = kindOf(raw);
  switch (kind) {
    case 'default':
    // The base grows only when a text passes the trained length, which no request may here.
    case 'dynamic':
      return { scaling: null, contextFactor: 1 };
    case 'linear': {
      const factor = need('factor');
      // A config that states the original length has already multiplied max_position_embeddings.
      return { scaling: { kind, factor }, contextFactor: raw.original_max_position_embeddings ? 1 : factor };
    }
    case 'llama3': {
      const scaling = {
        kind,
        factor: need('factor'),
        lowFreqFactor: need('low_freq_factor'),
        highFreqFactor: need('high_freq_factor'),
        originalMaxPositionEmbeddings: need('original_max_position_embeddings'),
      } as const;
      if (scaling.highFreqFactor <= scaling.lowFreqFactor) {
        throw config.refusal(`'${field}.high_freq_factor' must be above 'low_freq_factor'`);
      }
      return { scaling, contextFactor: 1 };
    }
    case 'yarn': {
      const factor = raw.factor ?? fields.max_position_embeddings / original;
      const scaling = {
        kind,
        factor,
        betaFast: raw.beta_fast ?? 32,
        betaSlow: raw.beta_slow ?? 1,
        truncate: raw.truncate ?? true,
        originalMaxPositionEmbeddings: original,
        attentionFactor: raw.attention_factor ?? yarnAttentionFactor(factor, raw),
      };
      // Some configs keep the original length in max_position_embeddings, others have multiplied it.
      return { scaling, contextFactor: Math.max(1, (original * factor) / fields.max_position_embeddings) };
    }
    case 'longrope': {
      const factor = raw.factor ?? fields.max_position_embeddings / original;
      const growth = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
      const scaling = {
        kind,
        shortFactor: pairFactors(config, raw, field, 'short_factor', dims),
        longFactor: pairFactors(config, raw, field, 'long_factor', dims),
        originalMaxPositionEmbeddings: original,
        attentionFactor: raw.attention_factor ?? growth,
      };
      return { scaling, contextFactor: 1 };
    }
    default:
      throw config.refusal(
        `${field} of type ${quote(kind)} is not supported (linear, llama3, yarn, longrope and dynamic are)`,
      );
  }
}

/** The first Phi-3 checkpoints call longrope `su` or `yarn`. */
function kindOf(raw: RawRope): string {
  const kind = raw.rope_type ?? raw.type ?? 'default';
  return kind === 'su' || (kind === 'yarn' && raw.long_factor) ? 'longrope' : kind;
}

/** YaRN's temperature of the attention, folded into cosine and sine. */
function yarnAttentionFactor(factor: number, raw: RawRope): number {
  const magnitude = (scale: number) => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  return raw.mscale && raw.mscale_all_dim
    ? magnitude(raw.mscale) / magnitude(raw.mscale_all_dim)
    : magnitude(1);
}

function pairFactors(
  config: ConfigFile,
  raw: RawRope,
  field: string,
  name: 'short_factor' | 'long_factor',
  dims: number,
): readonly number[] {
  const factors = raw[name];
  if (!factors) throw config.refusal(`'${field}.${name}' is missing`);
  if (factors.length !== dims / 2) {
    throw config.refusal(`'${field}.${name}' must have ${dims / 2} entries, found ${factors.length}`);
  }
  return factors;
}
