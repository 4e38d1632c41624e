import type { ModelConfig, RopeScaling } from '../config/model-config';

/**
 * Rotary position embedding as cos and sin tables of shape [positions, head_dim / 2], the "half-split" layout that
 * Hugging Face checkpoints use.
 */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly positions: number;
  readonly half: number;
}

export function rotaryTables(config: ModelConfig, positions: number): RotaryTables {
  const half = config.headDim / 2;
  const frequencies = inverseFrequencies(config, half);
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      // Reference implementations hold frequency and angle in float32; the same rounding keeps us within their error.
      const angle = Math.fround(position * (frequencies[i] as number));
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin, positions, half };
}

/** theta^(-2i/head_dim) for each pair of a head, scaled as the checkpoint's rope_scaling asks. */
function inverseFrequencies(config: ModelConfig, half: number): Float32Array {
  const frequencies = new Float32Array(half);
  for (let i = 0; i < half; i++) {
    const plain = 1 / config.ropeTheta ** ((2 * i) / config.headDim);
    frequencies[i] = config.ropeScaling ? scale(Math.fround(plain), config.ropeScaling) : plain;
  }
  return frequencies;
}

/**
 * `linear` stretches every wavelength by the factor. `llama3` (Llama 3.1's scheme) leaves wavelengths short against the
 * original context as they are, stretches long ones by the factor and blends between.
 */
function scale(frequency: number, scaling: RopeScaling): number {
  if (scaling.kind === 'linear') return frequency / scaling.factor;
  const wavelength = (2 * Math.PI) / frequency;
  const longest = scaling.originalMaxPositionEmbeddings / scaling.lowFreqFactor;
  const shortest = scaling.originalMaxPositionEmbeddings / scaling.highFreqFactor;
  if (wavelength > longest) return frequency / scaling.factor;
  if (wavelength < shortest) return frequency;
  const blend =
    (scaling.originalMaxPositionEmbeddings / wavelength - scaling.lowFreqFactor) /
    (scaling.highFreqFactor - scaling.lowFreqFactor);
  return (1 - blend) * (frequency / scaling.factor) + blend * frequency;
}
