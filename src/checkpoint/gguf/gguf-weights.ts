import * as path from 'node:path';
import type { StartupError } from '../../core/errors';
import { quote } from '../model-files';
import { readFloats, readTensor, type TensorRef } from '../safetensors';
import { ScratchFolder } from '../scratch-folder';
import type { WeightSource } from '../weight-source';
import { architectureKey, architectureOf, type GgufArchitecture } from './architectures';
import { BLOCK_TYPES, isBlockType, type BlockType } from './blocks';
import { readGguf, type GgufFile, type GgufTensor } from './gguf-file';
import { storedPlace, type StoredPlace } from './tensor-names';
import { typeNamed } from './types';

const FLOAT_TYPES = ['F32', 'F16', 'BF16'] as const;
const FILE = 'converted.bin';

/** A tensor, or the slice of a stack of them, as it lies in the file, and what has to be undone. */
interface Stored {
  readonly ref: TensorRef;
  /** Heads whose rows have to be brought into another order; 0 for none. */
  readonly heads: number;
  /** What is added to each value. */
  readonly shift: 0 | -1;
}

/**
 * The weights of a GGUF file under the names that families ask for, floats and blocks where they are in the file. Those whose
 * rows have to be put into another order, or whose values have to be changed, are in a temporary file that goes with `close`.
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
    const isAsStored = stored.heads === 0 && stored.shift === 0 && !splitsBlocks(stored.ref);
    if (isAsStored) return stored.ref;
    let ref = this.made.get(name);
    if (ref === undefined) {
      ref = this.convert(stored);
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
    const { type, offset, byteLength } = slice;
    if (!isReadable(type.name)) {
      throw gguf.metadata.refusal(
        `tensor ${quote(place.tensor)} is stored as ${type.name}, which is not supported ` +
          `(${[...FLOAT_TYPES, ...BLOCK_TYPES].join(', ')} are)`,
      );
    }
    return {
      ref: { name: tensor.name, dtype: type.name, shape, file: gguf.file, offset, byteLength },
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

  /** Values that stay what they are keep their type. */
  private convert({ ref, heads, shift }: Stored): TensorRef {
    const keeps = shift === 0 && !splitsBlocks(ref);
    const dtype = keeps ? ref.dtype : 'F32';
    const bytes = keeps ? readTensor(ref) : bytesOf(shifted(readFloats(ref), shift));
    // A row of a vector is one value.
    const rows = ref.shape[0] as number;
    const ordered = heads === 0 ? bytes : halfAfterHalf(bytes, rows, heads, () => this.oddHeads(ref, heads));
    const folder = (this.scratch ??= new ScratchFolder('gguf'));
    const offset = this.scratchBytes;
    folder.append(FILE, ordered);
    this.scratchBytes += ordered.length;
    const file = path.join(folder.path, FILE);
    return { ...ref, dtype, file, offset, byteLength: ordered.length };
  }

  private oddHeads({ name, shape }: TensorRef, heads: number): StartupError {
    return this.gguf.metadata.refusal(
      `tensor ${quote(name)} of shape [${shape.join(', ')}] is not that of ${heads} heads of an even size`,
    );
  }
}

function isReadable(name: string): name is (typeof FLOAT_TYPES)[number] | BlockType {
  return (FLOAT_TYPES as readonly string[]).includes(name) || isBlockType(name);
}

/** Whether rows are not whole blocks: those of a vector, and of a column. */
function splitsBlocks({ dtype, shape, byteLength }: TensorRef): boolean {
  return isBlockType(dtype) && (byteLength / (shape[0] as number)) % typeNamed(dtype).bytes !== 0;
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

function shifted(values: Float32Array, shift: number): Float32Array {
  return shift === 0 ? values : values.map((value) => value + shift);
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
