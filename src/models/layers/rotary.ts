import { logger } from '../../logging/logger';
import type { Rope, RopeScaling } from '../config/rope';

/**
 * Rotary position embedding as cos and sin tables of shape [positions, dims / 2], the "half-split" layout that
 * Hugging Face checkpoints use.
 */
export interface RotaryTables {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly positions: number;
  readonly half: number;
}

/**
 * @param positions how many there are: tokens a request may hold. `longrope` has one set of frequencies for texts of up to
 *   the original length and one beyond; keys that are cached under one cannot be read under the other, so a server has
 *   the one that its context length asks for.
 */
export function rotaryTables(rope: Rope, positions: number): RotaryTables {
  const half = rope.dims / 2;
  const frequencies = inverseFrequencies(rope, half, positions);
  const factor = rope.scaling && 'attentionFactor' in rope.scaling ? rope.scaling.attentionFactor : 1;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      // Reference implementations hold frequency and angle in float32; the same rounding keeps us within their error.
      const angle = Math.fround(position * (frequencies[i] as number));
      cos[position * half + i] = Math.cos(angle) * factor;
      sin[position * half + i] = Math.sin(angle) * factor;
    }
  }
  return { cos, sin, positions, half };
}

/** theta^(-2i/dims) for each pair of a head, scaled as the checkpoint asks. */
function inverseFrequencies(rope: Rope, half: number, positions: number): Float32Array {
  const plain = Float32Array.from({ length: half }, (_, i) => 1 / rope.theta ** ((2 * i) / rope.dims));
  const { scaling } = rope;
  if (scaling === null) return plain;
  switch (scaling.kind) {
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3(frequency, scaling));
    case 'yarn':
      return yarn(plain, rope, scaling);
    case 'longrope': {
      const long = positions > scaling.originalMaxPositionEmbeddings;
      logger.info(`Rotary embedding: ${long ? 'long' : 'short'} factors for a context of ${positions} tokens`);
      const factors = long ? scaling.longFactor : scaling.shortFactor;
      return plain.map((frequency, i) => frequency / (factors[i] as number));
    }
  }
}

type Scaling<K> = Extract<RopeScaling, { kind: K }>;

/**
 * Llama 3.1's scheme leaves wavelengths short against the original context as they are, stretches long ones by the factor
 * and blends between.
 */
function llama3(frequency: number, scaling: Scaling<'llama3'>): number {
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

/**
 * YaRN (arXiv 2309.00071): pairs that turn often within the original context stay, those that turn seldom are stretched by
 * the factor, and between the two the stretch grows with the pair's number.
 */
function yarn(plain: Float32Array, rope: Rope, scaling: Scaling<'yarn'>): Float32Array {
  const pairOf = (turns: number) =>
    (rope.dims * Math.log(scaling.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) /
    (2 * Math.log(rope.theta));
  const [first, last] = [pairOf(scaling.betaFast), pairOf(scaling.betaSlow)];
  const low = Math.max(scaling.truncate ? Math.floor(first) : first, 0);
  const high = Math.min(scaling.truncate ? Math.ceil(last) : last, rope.dims - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const stretch = Math.min(Math.max((i - low) / width, 0), 1);
    return (frequency / scaling.factor) * stretch + frequency * (1 - stretch);
  });
}
