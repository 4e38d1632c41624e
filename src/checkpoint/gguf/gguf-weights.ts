import * as path from 'node:path';
import type { StartupError } from '../../core/errors';
import { holdsFloats, toFloats } from '../floats';
import { quote } from '../model-files';
import { readTensor, type TensorDtype, type TensorRef } from '../safetensors';
import { ScratchFolder } from '../scratch-folder';
import type { WeightSource } from '../weight-source';
import { architectureKey, architectureOf, type GgufArchitecture } from './architectures';
import { BLOCK_TYPE_NAMES, decodeBlocks } from './blocks';
import { readGguf, type GgufFile, type GgufTensor } from './gguf-file';
import { storedPlace, type StoredPlace } from './tensor-names';

const FLOAT_TYPES = ['F32', 'F16', 'BF16'];
const FILE = 'converted.bin';
/** Values that are floats in memory at a time. */
const SLAB = 4 * 2 ** 20;

/** A tensor, or the slice of a stack of them, where it lies. */
interface Stored extends GgufTensor {
  /** Heads whose rows have to be brought into another order; 0 for none. */
  readonly heads: number;
  /** What is added to each value. */
  readonly shift: 0 | -1;
}

/**
 * The weights of a GGUF file under the names that families ask for. Floats are where they are in the file, unless their rows have
 * to be put into another order; what lies in blocks is made into float32 in a temporary file that goes with `close`.
 */
export class GgufWeights implements WeightSource {
  readonly files: readonly string[];
  private readonly made = new Map<string, TensorRef>();
  private readonly architecture: GgufArchitecture;
  private scratch: ScratchFolder | null = null;
  private scratchBytes = 0;

  /** @throws StartupError of one line for anything wrong with the file */
  static open(shown: string): GgufWeights {
    return new GgufWeights(readGguf(shown));
  }

  private constructor(private readonly gguf: GgufFile) {
    this.architecture = architectureOf(gguf);
    this.files = [gguf.file];
  }

  get(name: string, shape: readonly number[]): TensorRef {
    const stored = this.find(name, shape);
    if (isFloatType(stored.type.name) && stored.heads === 0 && stored.shift === 0) {
      return this.refOf(stored, stored.type.name, shape);
    }
    let ref = this.made.get(name);
    if (ref === undefined) {
      ref = this.convert(stored, shape);
      this.made.set(name, ref);
    }
    return ref;
  }

  close(): void {
    this.scratch?.remove();
    this.scratch = null;
    this.made.clear();
  }

  private find(name: string, shape: readonly number[]): Stored {
    const { gguf, architecture } = this;
    const place = storedPlace(name, architecture);
    const tensor = gguf.tensors.get(place.tensor);
    if (tensor === undefined) throw gguf.metadata.refusal(`tensor ${quote(place.tensor)} is missing`);
    const slice = place.expert === null ? tensor : sliceOf(tensor, place.expert);
    const matches = slice !== null && String(squeezed(slice.shape)) === String(squeezed(shape));
    if (!matches) {
      const expected = place.expert === null ? shape : ['experts', ...shape];
      throw gguf.metadata.refusal(
        `tensor ${quote(place.tensor)} has shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]`,
      );
    }
    if (!isFloatType(slice.type.name) && !BLOCK_TYPE_NAMES.includes(slice.type.name)) {
      throw gguf.metadata.refusal(
        `tensor ${quote(place.tensor)} is stored as ${slice.type.name}, which is not supported ` +
          `(${[...FLOAT_TYPES, ...BLOCK_TYPE_NAMES].join(', ')} are)`,
      );
    }
    return {
      ...slice,
      shape,
      heads: architecture.interleaved ? this.headsOf(place) : 0,
      shift: architecture.shiftedNorms && place.isNorm ? -1 : 0,
    };
  }

  private headsOf({ rotated }: StoredPlace): number {
    if (rotated === null) return 0;
    const { metadata } = this.gguf;
    const key = `${architectureKey(this.gguf)}.attention.head_count`;
    const queries = metadata.forAllLayers(key) ?? 0;
    return rotated === 'queries' ? queries : (metadata.forAllLayers(`${key}_kv`) ?? queries);
  }

  private refOf(stored: GgufTensor, dtype: TensorDtype, shape: readonly number[]): TensorRef {
    const { name, offset, byteLength } = stored;
    return { name, dtype, shape, file: this.gguf.file, offset, byteLength };
  }

  /** Floats keep their type, unless something is added to them. */
  private convert(stored: Stored, shape: readonly number[]): TensorRef {
    const { type, heads, shift } = stored;
    const keeps = isFloatType(type.name) && shift === 0;
    const dtype: TensorDtype = keeps ? type.name : 'F32';
    // A row of a vector is one value.
    const rows = shape[0] as number;
    const whole = this.readWhole(stored);
    const splits = (whole.length / rows) % type.bytes !== 0;
    const bytes = splits ? bytesOf(shifted(decode(stored, whole), shift)) : whole;
    const ordered =
      heads === 0 ? bytes : halfAfterHalf(bytes, rows, heads, () => this.oddHeads(stored, heads));
    const folder = (this.scratch ??= new ScratchFolder('gguf'));
    const offset = this.scratchBytes;
    if (keeps || splits) this.append(ordered);
    else
      for (const slab of slabsOf(ordered, type)) this.append(bytesOf(shifted(decode(stored, slab), shift)));
    return {
      name: stored.name,
      dtype,
      shape,
      file: path.join(folder.path, FILE),
      offset,
      byteLength: this.scratchBytes - offset,
    };
  }

  private append(bytes: Uint8Array): void {
    this.scratch?.append(FILE, bytes);
    this.scratchBytes += bytes.length;
  }

  private readWhole(stored: GgufTensor): Uint8Array {
    // The type does not matter: bytes are read.
    return readTensor(this.refOf(stored, 'U8', stored.shape));
  }

  private oddHeads({ name, shape }: GgufTensor, heads: number): StartupError {
    return this.gguf.metadata.refusal(
      `tensor ${quote(name)} of shape [${shape.join(', ')}] is not that of ${heads} heads of an even size`,
    );
  }
}

function isFloatType(name: string): name is 'F32' | 'F16' | 'BF16' {
  return FLOAT_TYPES.includes(name);
}

/** Sizes of 1 say nothing of where a value lies. */
function squeezed(shape: readonly number[]): readonly number[] {
  return shape.filter((size) => size !== 1);
}

/** One of a stack of tensors; null where the stack is lower, or none. */
function sliceOf(tensor: GgufTensor, index: number): GgufTensor | null {
  const [count = 0, ...shape] = tensor.shape;
  if (shape.length !== 2 || index >= count) return null;
  const byteLength = tensor.byteLength / count;
  return { ...tensor, shape, byteLength, offset: tensor.offset + index * byteLength };
}

function decode({ type }: GgufTensor, bytes: Uint8Array): Float32Array {
  return isFloatType(type.name) && holdsFloats(type.name)
    ? toFloats(type.name, bytes)
    : decodeBlocks(type, bytes);
}

function shifted(values: Float32Array, shift: number): Float32Array {
  return shift === 0 ? values : values.map((value) => value + shift);
}

function* slabsOf(bytes: Uint8Array, type: GgufTensor['type']): Iterable<Uint8Array> {
  const size = Math.ceil(SLAB / type.values) * type.bytes;
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * Undoes the order that files have for a rotation of neighbours: of each head, row 2i goes back to i and row 2i+1 to the same place in
 * the second half.
 */
function halfAfterHalf(bytes: Uint8Array, rows: number, heads: number, odd: () => StartupError): Uint8Array {
  const perHead = rows / heads;
  if (!Number.isInteger(perHead) || perHead % 2 !== 0) throw odd();
  const width = bytes.length / rows;
  const ordered = new Uint8Array(bytes.length);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / perHead);
    const within = row % perHead;
    const to = head * perHead + (within % 2) * (perHead / 2) + (within >> 1);
    ordered.set(bytes.subarray(row * width, (row + 1) * width), to * width);
  }
  return ordered;
}
