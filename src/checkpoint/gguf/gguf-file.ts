import * as fs from 'node:fs';
import { errorMessage, StartupError } from '../../core/errors';
import { quote } from '../model-files';
import { Cursor } from './cursor';
import { Metadata, type MetadataValue } from './metadata';
import { ggufType, type GgufType } from './types';

/**
 * Reads what a GGUF file says of itself: magic and version, metadata, the place of every tensor. The weights follow, each at
 * an aligned offset. The file may come from a stranger: what is returned lies inside the file, and no two tensors share bytes.
 */

/** A tensor as it is stored. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  /** Rows first, as torch has it: the file lists sizes the other way round. */
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface GgufFile {
  /** As the operator knows it, for errors. */
  readonly shown: string;
  /** Absolute, links resolved. */
  readonly file: string;
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 'GGUF';
const VERSIONS = [2, 3];
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 2 ** 20;
const MAX_RANK = 4;
/** Bytes that an entry takes at least: the length of its name, and what follows the name. */
const LEAST_ENTRY_BYTES = 8 + 4 + 1;
const LEAST_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

/** @throws StartupError of one line that names the file and, where there is one, the key or the tensor */
export function readGguf(shown: string): GgufFile {
  let fd: number | undefined;
  try {
    const file = fs.realpathSync(shown);
    fd = fs.openSync(file, 'r');
    const { size } = fs.fstatSync(fd);
    const cursor = new Cursor(fd, size, shown);
    const { metadata, tensors } = readHeader(cursor, size, shown);
    return { shown, file, metadata, tensors };
  } catch (error) {
    if (error instanceof StartupError) throw error;
    throw new StartupError(`${shown}: ${errorMessage(error)}`);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function readHeader(
  cursor: Cursor,
  fileBytes: number,
  shown: string,
): Pick<GgufFile, 'metadata' | 'tensors'> {
  checkStart(cursor, fileBytes, shown);
  const tensorCount = cursor.count('tensors', LEAST_TENSOR_BYTES);
  const entryCount = cursor.count('metadata entries', LEAST_ENTRY_BYTES);
  const values = new Map<string, MetadataValue>();
  for (let at = 0; at < entryCount; at++) {
    const key = cursor.text();
    if (values.has(key)) throw new StartupError(`${shown}: ${quote(key)} is in it twice`);
    values.set(key, readValue(cursor, cursor.u32(), `${shown}: ${quote(key)}`));
  }
  const metadata = new Metadata(shown, values);
  const entries = Array.from({ length: tensorCount }, () => readTensorEntry(cursor, shown));
  const alignment = metadata.whole('general.alignment', 8, MAX_ALIGNMENT) ?? DEFAULT_ALIGNMENT;
  if (alignment % 8 !== 0) throw metadata.refusal(`'general.alignment' ${alignment} is no multiple of 8`);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, tensors: layOut(entries, dataStart, alignment, fileBytes, shown) };
}

function checkStart(cursor: Cursor, fileBytes: number, shown: string): void {
  if (fileBytes < 24) throw new StartupError(`${shown}: is too short for a GGUF file`);
  const magic = String.fromCharCode(cursor.u8(), cursor.u8(), cursor.u8(), cursor.u8());
  if (magic !== MAGIC) throw new StartupError(`${shown}: is no GGUF file`);
  const version = cursor.u32();
  if (VERSIONS.includes(version)) return;
  const why = version % 2 ** 16 === 0 ? 'its numbers are big-endian' : `version ${version} of the format`;
  throw new StartupError(`${shown}: ${why}, which is not supported (versions 2 and 3, little-endian, are)`);
}

const NUMBERS: ReadonlyMap<number, { readonly bytes: number; read(cursor: Cursor): number }> = new Map([
  [0, { bytes: 1, read: (cursor) => cursor.u8() }],
  [1, { bytes: 1, read: (cursor) => cursor.i8() }],
  [2, { bytes: 2, read: (cursor) => cursor.u16() }],
  [3, { bytes: 2, read: (cursor) => cursor.i16() }],
  [4, { bytes: 4, read: (cursor) => cursor.u32() }],
  [5, { bytes: 4, read: (cursor) => cursor.i32() }],
  [6, { bytes: 4, read: (cursor) => cursor.f32() }],
  [10, { bytes: 8, read: (cursor) => cursor.u64() }],
  [11, { bytes: 8, read: (cursor) => cursor.i64() }],
  [12, { bytes: 8, read: (cursor) => cursor.f64() }],
]);
const BOOL = 7;
const TEXT = 8;
const LIST = 9;

function readValue(cursor: Cursor, type: number, shown: string): MetadataValue {
  const number = NUMBERS.get(type);
  if (number) return number.read(cursor);
  if (type === BOOL) return cursor.u8() !== 0;
  if (type === TEXT) return cursor.text();
  if (type !== LIST) throw new StartupError(`${shown} has type ${type}, which is not known`);
  const item = cursor.u32();
  const numbers = NUMBERS.get(item);
  const list = <T>(least: number, read: () => T): T[] => {
    const values: T[] = [];
    for (
      let left = cursor.count(`items of ${shown.slice(shown.lastIndexOf(": '") + 2)}`, least);
      left > 0;
      left--
    )
      values.push(read());
    return values;
  };
  if (numbers) return list(numbers.bytes, () => numbers.read(cursor));
  if (item === BOOL) return list(1, () => cursor.u8() !== 0);
  if (item === TEXT) return list(8, () => cursor.text());
  throw new StartupError(`${shown} is a list of type ${item}, which is not supported`);
}

/** What the file says of a tensor; the offset counts from the first byte of weights. */
type TensorEntry = GgufTensor;

function readTensorEntry(cursor: Cursor, file: string): TensorEntry {
  const name = cursor.text();
  const shown = `${file}: tensor ${quote(name)}`;
  const rank = cursor.u32();
  if (rank > MAX_RANK) throw new StartupError(`${shown} has ${rank} dimensions, more than ${MAX_RANK}`);
  const sizes = Array.from({ length: rank }, () => cursor.u64());
  const number = cursor.u32();
  const type = ggufType(number);
  if (type === undefined) throw new StartupError(`${shown} is stored as type ${number}, which is not known`);
  const offset = cursor.u64();
  const values = sizes.reduce((product, size) => product * size, 1);
  const inner = sizes[0] ?? 1;
  const byteLength = (values / type.values) * type.bytes;
  if (values === 0 || inner % type.values !== 0 || !Number.isSafeInteger(byteLength + offset)) {
    throw new StartupError(
      `${shown} of type ${type.name} cannot have shape [${sizes.reverse().join(', ')}] at ${offset}`,
    );
  }
  return { name, type, shape: sizes.reverse(), offset, byteLength };
}

function layOut(
  entries: readonly TensorEntry[],
  dataStart: number,
  alignment: number,
  fileBytes: number,
  shown: string,
): ReadonlyMap<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let end = dataStart;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)) {
    const name = `${shown}: tensor ${quote(entry.name)}`;
    const offset = dataStart + entry.offset;
    if (tensors.has(entry.name)) throw new StartupError(`${name} is in it twice`);
    if (entry.offset % alignment !== 0)
      throw new StartupError(`${name} is not aligned to ${alignment} bytes`);
    if (offset < end) throw new StartupError(`${name} overlaps another tensor`);
    end = offset + entry.byteLength;
    if (end > fileBytes) {
      throw new StartupError(`${name} ends ${end - fileBytes} bytes after the file (truncated?)`);
    }
    tensors.set(entry.name, { ...entry, offset });
  }
  return tensors;
}
