import { bytesOf, ITEM_BYTES, type TensorRef } from '../safetensors';
import {
  shapesOf,
  TENSOR_KINDS,
  type QuantizedTensors,
  type QuantizedWeight,
  type TensorShape,
} from './quantized-weight';

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
  /** [weights, 32] The SHA-256 of all that each weight consists of. */
  readonly digests: TensorRef;
}

/**
 * Lays out a file: first what leaves the next one aligned as it is itself, numbers of four bytes, then bytes, digests.
 * @param file its path
 */
export function layOut(file: string, weights: readonly QuantizedWeight[]): QuantizedFile {
  let end = 0;
  const place = (name: string, { dtype, shape }: TensorShape): TensorRef => {
    const byteLength = bytesOf({ dtype, shape });
    const tensor = { name, dtype, shape, file, offset: end, byteLength };
    end += byteLength;
    return tensor;
  };
  const shapes = weights.map((weight) => shapesOf(weight));
  const all = TENSOR_KINDS.flatMap((kind) =>
    weights.flatMap(({ name }, at) => {
      const shape = shapes[at]?.[kind];
      return shape ? [{ name: `${name}.${kind}`, shape }] : [];
    }),
  );
  const inOrder = [...all].sort((a, b) => alignmentRank(a.shape) - alignmentRank(b.shape));
  const placed = inOrder.map(({ name, shape }) => place(name, shape));
  const digests = place(DIGESTS, { dtype: 'U8', shape: [weights.length, DIGEST_BYTES] });
  const header = writeHeader([...placed, digests]);
  const moved = (tensor: TensorRef) => ({ ...tensor, offset: header.length + tensor.offset });
  const byName = new Map(placed.map((tensor) => [tensor.name, moved(tensor)]));
  const tensorsOf = ({ name }: QuantizedWeight): QuantizedTensors => ({
    values: byName.get(`${name}.values`) as TensorRef,
    scales: byName.get(`${name}.scales`) ?? null,
    zeros: byName.get(`${name}.zeros`) ?? null,
    minimums: byName.get(`${name}.minimums`) ?? null,
  });
  return {
    header,
    byteLength: header.length + end,
    tensors: weights.map(tensorsOf),
    digests: moved(digests),
  };
}

function alignmentRank(tensor: TensorShape): number {
  if (bytesOf(tensor) % ALIGNMENT === 0) return 0;
  return ITEM_BYTES[tensor.dtype] === 4 ? 1 : 2;
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
