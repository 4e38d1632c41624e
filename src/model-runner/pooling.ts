import type { Dense, PoolingMode, SentenceModules } from '../models/config/sentence-modules';

/** From the hidden states of a text's tokens to its vector. Computed here: next to a run of the model it costs nothing. */

/** Which tokens of a text of `length` tokens its vector comes of; ascending. */
export function pooledTokens(modes: readonly PoolingMode[], length: number): number[] {
  if (modes.every((mode) => mode === 'cls')) return [0];
  if (modes.every((mode) => mode === 'lasttoken')) return [length - 1];
  return Array.from({ length }, (_, at) => at);
}

/**
 * @param hidden of the tokens that `pooledTokens` names, [tokens, size]
 * @returns null when a value is NaN or infinite
 */
export function pool(
  hidden: Float32Array,
  size: number,
  { modes, steps }: SentenceModules,
): Float32Array | null {
  const vectors = modes.map((mode) => poolOne(mode, hidden, size));
  const pooled = steps.reduce<Float32Array>(
    (vector, step) => (step === 'normalize' ? normalized(vector) : applyDense(vector, step)),
    Float32Array.from(vectors.flatMap((vector) => [...vector])),
  );
  return pooled.every(Number.isFinite) ? pooled : null;
}

/** The same but for what brings vectors to length 1. */
export function withoutLength(sentences: SentenceModules): SentenceModules {
  return { ...sentences, steps: sentences.steps.filter((step) => step !== 'normalize') };
}

function poolOne(
  mode: PoolingMode,
  hidden: Float32Array,
  size: number,
): ArrayLike<number> & Iterable<number> {
  const rows = hidden.length / size;
  switch (mode) {
    case 'cls':
      return hidden.subarray(0, size);
    case 'lasttoken':
      return hidden.subarray(-size);
    case 'max':
      return largestOf(hidden, size);
    case 'mean':
      return weightedSum(hidden, size, () => 1 / rows);
    case 'mean_sqrt_len_tokens':
      return weightedSum(hidden, size, () => 1 / Math.sqrt(rows));
    case 'weightedmean':
      return weightedSum(hidden, size, (row) => (row + 1) / ((rows * (rows + 1)) / 2));
  }
}

// Loops over places rather than rows as arrays of their own: a fraction of the time where a text is long.

function largestOf(hidden: Float32Array, size: number): Float32Array {
  const largest = hidden.slice(0, size);
  for (let at = size; at < hidden.length; at++) {
    const i = at % size;
    largest[i] = Math.max(largest[i] ?? 0, hidden[at] ?? 0);
  }
  return largest;
}

function weightedSum(hidden: Float32Array, size: number, weightOf: (row: number) => number): Float64Array {
  const sum = new Float64Array(size);
  for (let row = 0, at = 0; at < hidden.length; row++) {
    const weight = weightOf(row);
    for (let i = 0; i < size; i++, at++) sum[i] = (sum[i] ?? 0) + (hidden[at] ?? 0) * weight;
  }
  return sum;
}

/** The vector at length 1; a vector of zeros stays what it is. */
function normalized(vector: Float32Array): Float32Array {
  let square = 0;
  for (const value of vector) square += value * value;
  const length = Math.max(Math.sqrt(square), 1e-12);
  return vector.map((value) => value / length);
}

const ACTIVATIONS = {
  Identity: (value: number) => value,
  Tanh: Math.tanh,
  ReLU: (value: number) => Math.max(0, value),
  Sigmoid: (value: number) => 1 / (1 + Math.exp(-value)),
} as const;

function applyDense(vector: Float32Array, { weight, bias, outputs, activation }: Dense): Float32Array {
  return Float32Array.from({ length: outputs }, (_, output) => {
    let sum = bias?.[output] ?? 0;
    const row = output * vector.length;
    for (let i = 0; i < vector.length; i++) sum += (vector[i] ?? 0) * (weight[row + i] ?? 0);
    return ACTIVATIONS[activation](sum);
  });
}
