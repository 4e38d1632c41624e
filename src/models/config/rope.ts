import { StartupError } from '../../core/errors';
import { quote } from '../../checkpoint/model-files';
import type { RawConfig, RawRope } from './raw-config';

/** How the rotary frequencies are stretched beyond the length a model was first trained for. */
export type RopeScaling =
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

export interface Rope {
  readonly theta: number;
  readonly scaling: RopeScaling | null;
  /** What `max_position_embeddings` is multiplied with to get the length the model can hold. */
  readonly contextFactor: number;
}

const DEFAULT_THETA = 10_000;

/**
 * Reads the rotary embedding from either style of config: `rope_theta` beside `rope_scaling`, or both inside
 * `rope_parameters` (transformers 5).
 * @param file names the config in errors
 * @throws StartupError for a kind of scaling that is not supported, or one with a missing field
 */
export function readRope(raw: RawConfig, file: string): Rope {
  const field = raw.rope_parameters ? 'rope_parameters' : 'rope_scaling';
  const rope = raw[field];
  const theta = rope?.rope_theta ?? raw.rope_theta ?? DEFAULT_THETA;
  const kind = rope?.rope_type ?? rope?.type ?? 'default';
  if (!rope || kind === 'default') return { theta, scaling: null, contextFactor: 1 };

  const need = (name: keyof RawRope): number => {
    const value = rope[name];
    if (typeof value !== 'number') throw new StartupError(`${file}: '${field}.${name}' is missing`);
    return value;
  };
  switch (kind) {
    case 'linear': {
      const factor = need('factor');
      // A config that states the original length has already multiplied max_position_embeddings.
      const contextFactor = rope.original_max_position_embeddings ? 1 : factor;
      return { theta, scaling: { kind, factor }, contextFactor };
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
        throw new StartupError(`${file}: '${field}.high_freq_factor' must be above 'low_freq_factor'`);
      }
      return { theta, scaling, contextFactor: 1 };
    }
    default:
      throw new StartupError(
        `${file}: ${field} of type ${quote(kind)} is not supported (linear and llama3 are)`,
      );
  }
}
