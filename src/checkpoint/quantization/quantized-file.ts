import type { TensorRef } from '../safetensors';
import { shapesOf, type QuantizedTensors, type QuantizedWeight } from './quantized-weight';

/** Bytes of the digest of one weight. */
export const DIGEST_BYTES = 32;
const DIGESTS = 'digests';
/** Where data begins is a multiple of this, for views of any type. */
const ALIGNMENT = 64;

/** Where everything lies in a file of quantized weights, which is a safetensors file. */
export interface QuantizedFile {
  /** What it begins with. */
  readonly header: Buffer;
  readonly byteLength: number;
  /** Of each weight, in the order of the weights. */
  readonly tensors: readonly QuantizedTensors[];
  /** [weights, 32] The SHA-256 of each weight's values and scales. */
  readonly digests: TensorRef;
}

/**
 * Lays out a file: scales first, because those must be aligned, then values, zero points, digests.
 * @param file its path
 */
export function layOut(file: string, weights: readonly QuantizedWeight[]): QuantizedFile {
  const shapes = weights.map((weight) => shapesOf(weight));
  let end = 0;
  const place = (name: string, { dtype, shape }: Pick<TensorRef, 'dtype' | 'shape'>): TensorRef => {
    const byteLength = shape.reduce((product, size) => product * size, dtype === 'F32' ? 4 : 1);
    const tensor = { name, dtype, shape, file, offset: end, byteLength };
    end += byteLength;
    return tensor;
  };
  const scales = weights.map(({ name }, at) => place(`${name}.scales`, shapes[at]!.scales));
  const values = weights.map(({ name }, at) => place(`${name}.values`, shapes[at]!.values));
  const zeros = weights.map(({ name }, at) => shapes[at]!.zeros && place(`${name}.zeros`, shapes[at]!.zeros));
  const digests = place(DIGESTS, { dtype: 'U8', shape: [weights.length, DIGEST_BYTES] });
  const header = writeHeader([...scales, ...values, ...zeros.filter((tensor) => tensor !== null), digests]);
  const moved = (tensor: TensorRef) => ({ ...tensor, offset: header.length + tensor.offset });
  return {
    header,
    byteLength: header.length + end,
    tensors: weights.map((_, at) => ({
      values: moved(values[at]!),
      scales: moved(scales[at]!),
      zeros: zeros[at] ? moved(zeros[at]) : null,
    })),
    digests: moved(digests),
  };
}

function writeHeader(tensors: readonly TensorRef[]): Buffer {
  const entries = tensors.map(({ name, dtype, shape, offset, byteLength }) => [
    name,
    { dtype, shape, data_offsets: [offset, offset + byteLength] },
  ]);
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil((8 + json.length) / ALIGNMENT) * ALIGNMENT - 8;
  const header = Buffer.alloc(8 + length, ' ');
  header.writeBigUInt64LE(BigInt(length));
  json.copy(header, 8);
  return header;
}
