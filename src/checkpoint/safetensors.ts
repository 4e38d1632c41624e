import * as fs from 'node:fs';
import { errorMessage, StartupError } from '../core/errors';
import { holdsFloats, toFloats } from './floats';
import type { BlockType } from './gguf/blocks';
import { quote } from './model-files';
import { parseStrictJson } from './strict-json';

/**
 * Reads the header of a safetensors file: a u64 length, a JSON object from tensor name to dtype, shape and byte range,
 * then the bytes. The file may come from a stranger: what is returned lies inside the file, whatever the header says.
 */

export const ITEM_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

export type TensorDtype = keyof typeof ITEM_BYTES;

/** How values lie in a file: each by itself, or in GGUF's blocks, of which a row is a whole number. */
export type StoredType = TensorDtype | BlockType;

/** Where a tensor's bytes lie on disk: row-major, little-endian, no padding. */
export interface TensorRef {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  /** Absolute path with all links resolved. */
  readonly file: string;
  /** Bytes from the start of the file; not necessarily aligned. */
  readonly offset: number;
  readonly byteLength: number;
}

/** A third of the format's own bound, and far above what a file of 100,000 tensors needs. */
const MAX_HEADER_BYTES = 32 * 2 ** 20;
const MAX_RANK = 32;

/**
 * @param file absolute path with all links resolved
 * @param shown the path as the operator knows it, for errors; the same as `file` when omitted
 * @returns the tensors in the order of their bytes
 * @throws StartupError of one line that names the file and, where there is one, the tensor
 */
export function readSafetensors(file: string, shown = file): TensorRef[] {
  const { text, dataStart, fileBytes } = readHeader(file, shown);
  const tensors = Object.entries(parseStrictJson(text, shown))
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => toTensor(name, entry, file, dataStart, `${shown}: tensor ${quote(name)}`))
    .sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  checkLayout(tensors, dataStart, fileBytes, shown);
  return tensors;
}

/** The bytes of a tensor. @throws StartupError when the file ends before them */
export function readTensor({ name, file, offset, byteLength }: TensorRef): Buffer {
  const fd = fs.openSync(file, 'r');
  try {
    const bytes = readBytes(fd, offset, byteLength);
    if (bytes === undefined) throw new StartupError(`${file}: ends within tensor ${quote(name)}`);
    return bytes;
  } finally {
    fs.closeSync(fd);
  }
}

/** A tensor's values. @throws StartupError for one that does not hold floats */
export function readFloats(tensor: TensorRef): Float32Array {
  const { dtype } = tensor;
  if (holdsFloats(dtype)) return toFloats(dtype, readTensor(tensor));
  throw new StartupError(`${tensor.file}: tensor ${quote(tensor.name)} has the unsupported type ${dtype}`);
}

function readHeader(file: string, shown: string): { text: string; dataStart: number; fileBytes: number } {
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, 'r');
    const fileBytes = fs.fstatSync(fd).size;
    const length = readBytes(fd, 0, 8)?.readBigUInt64LE();
    if (length === undefined) throw new StartupError(`${shown}: is too short for a safetensors file`);
    if (length > MAX_HEADER_BYTES || Number(length) > fileBytes - 8) {
      throw new StartupError(
        `${shown}: header of ${length} bytes does not fit (truncated or not safetensors?)`,
      );
    }
    const bytes = readBytes(fd, 8, Number(length));
    if (bytes === undefined) throw new StartupError(`${shown}: ends within its header`);
    return { text: decodeUtf8(bytes, shown), dataStart: 8 + Number(length), fileBytes };
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${shown}: ${errorMessage(error)}`);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function readBytes(fd: number, position: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const count = fs.readSync(fd, bytes, filled, length - filled, position + filled);
    if (count === 0) return undefined;
    filled += count;
  }
  return bytes;
}

function decodeUtf8(bytes: Buffer, shown: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new StartupError(`${shown}: header is not UTF-8`);
  }
}

function toTensor(name: string, entry: unknown, file: string, dataStart: number, shown: string): TensorRef {
  if (typeof entry !== 'object' || entry === null) throw new StartupError(`${shown} must be an object`);
  const fields = new Map<string, unknown>(Object.entries(entry));
  const dtype = fields.get('dtype');
  if (!isDtype(dtype)) throw new StartupError(`${shown} has dtype ${quote(dtype)}, which is not supported`);
  const shape = fields.get('shape');
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    throw new StartupError(`${shown} has shape ${quote(shape)}, not a list of whole numbers`);
  }
  const range = fields.get('data_offsets');
  if (!isCounts(range) || range.length !== 2) {
    throw new StartupError(`${shown} has data_offsets ${quote(range)}, not two whole numbers`);
  }
  const [begin, end] = range as [number, number];
  // Factors and limit are below 2^53, so a product that lost precision is far above the limit.
  const byteLength = bytesOf({ dtype, shape });
  if (!Number.isSafeInteger(byteLength) || byteLength !== end - begin) {
    throw new StartupError(
      `${shown} has ${end - begin} bytes, but ${dtype} of shape ${quote(shape)} takes ${byteLength}`,
    );
  }
  return { name, dtype, shape, file, offset: dataStart + begin, byteLength };
}

/** Bytes of a tensor, whose numbers follow each other without padding. */
export function bytesOf({
  dtype,
  shape,
}: Pick<TensorRef, 'shape'> & { readonly dtype: TensorDtype }): number {
  return shape.reduce((product, size) => product * size, ITEM_BYTES[dtype]);
}

function isDtype(value: unknown): value is TensorDtype {
  return typeof value === 'string' && Object.hasOwn(ITEM_BYTES, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

/** The format has no gaps: each tensor begins where the one before it ends, and the last ends with the file. */
function checkLayout(
  tensors: readonly TensorRef[],
  dataStart: number,
  fileBytes: number,
  shown: string,
): void {
  let end = dataStart;
  for (const tensor of tensors) {
    const name = `${shown}: tensor ${quote(tensor.name)}`;
    if (tensor.offset < end) throw new StartupError(`${name} overlaps another tensor`);
    if (tensor.offset > end)
      throw new StartupError(`${name} begins ${tensor.offset - end} bytes after the one before`);
    end = tensor.offset + tensor.byteLength;
    if (end > fileBytes) {
      throw new StartupError(`${name} ends ${end - fileBytes} bytes after the file (truncated?)`);
    }
  }
  if (end < fileBytes) throw new StartupError(`${shown}: ${fileBytes - end} bytes belong to no tensor`);
}
