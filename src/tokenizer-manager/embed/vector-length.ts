import { RequestError } from '../../core/errors';
import type { VectorFacts } from '../../core/model-facts';
import type { EmbedRequest } from './embed-request';

/**
 * Whether vectors may have the length that a request asks for; their own they may have in any case.
 * @param vectors null for a model of scores
 * @param modelPath for the message
 * @throws RequestError in SGLang's words
 */
export function checkDimensions(
  dimensions: number | null,
  vectors: VectorFacts | null,
  modelPath: string,
): void {
  if (dimensions === null || dimensions === vectors?.width) return;
  const unsupported =
    `Model '${modelPath}' does not support matryoshka representation, changing output dimensions will lead to ` +
    'poor results.';
  if (vectors === null) refuse(unsupported);
  const range = `they can be 1 to ${vectors.width}, got ${dimensions}.`;
  if (dimensions < 1) refuse(`Requested dimensions must be greater than 0: ${range}`);
  if (dimensions > vectors.width) {
    refuse(`Provided dimensions are greater than max embedding dimension: ${vectors.width}; ${range}`);
  }
  const { matryoshka } = vectors;
  if (matryoshka === null) refuse(unsupported);
  if (matryoshka === 'any' || matryoshka.includes(dimensions)) return;
  refuse(
    `Model '${modelPath}' only supports [${matryoshka.join(', ')}] matryoshka dimensions, using other output dimensions will ` +
      'lead to poor results.',
  );
}

/** A vector as a request wants it: its first numbers, and of length 1 where it was that before or should be. */
export function fitted(
  vector: Float32Array,
  { dimensions, normalize }: Pick<EmbedRequest, 'dimensions' | 'normalize'>,
  vectors: VectorFacts | null,
): Float32Array {
  const isOne = vectors?.isNormalized ?? false;
  const cut = dimensions === null || dimensions === vector.length ? vector : vector.slice(0, dimensions);
  const mustBeOne = normalize ?? isOne;
  return mustBeOne && !(isOne && cut === vector) ? atLengthOne(cut) : cut;
}

/** A vector of zeros stays what it is. */
function atLengthOne(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message, 'dimensions');
}
