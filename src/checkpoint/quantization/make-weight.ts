import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { toFloats } from '../floats';
import { readFloats, readTensor } from '../safetensors';
import { sizesOf, type QuantizedTensors, type QuantizedWeight, type WeightTurn } from './quantized-weight';
import { INT4_ZEROS, toInt4Blocks, toInt8Columns, type Rows } from './rounding';
import { turnInputs, turnOutputs } from './turning';

/** Stored values that are in memory as floats at a time. */
const SLAB = 2 ** 20;
/** Rows of a slab at most: so many columns are written side by side. */
const SLAB_ROWS = 64;

/**
 * Quantizes a weight and writes it where it belongs.
 * @param fd of the file, which has its full length
 * @returns the SHA-256 of what was written
 */
export function makeWeight(fd: number, weight: QuantizedWeight, tensors: QuantizedTensors): Uint8Array {
  const values = new Uint8Array(tensors.values.byteLength);
  const scales = new Float32Array(tensors.scales.byteLength / Float32Array.BYTES_PER_ELEMENT);
  const { form } = weight;
  if (form.kind === 'int4_blocks') values.fill(INT4_ZEROS);
  const signed = new Int8Array(values.buffer);
  for (const rows of slabs(weight)) {
    if (form.kind === 'int8_columns') toInt8Columns(rows, signed, scales);
    else toInt4Blocks(rows, form.block, values, scales);
  }
  const scaleBytes = new Uint8Array(scales.buffer);
  write(fd, values, tensors.values.offset);
  write(fd, scaleBytes, tensors.scales.offset);
  return digest(values, scaleBytes);
}

/** The SHA-256 of a weight that lies in a file. @throws StartupError when the file ends before it does */
export function digestOf({ values, scales }: QuantizedTensors): Uint8Array {
  return digest(readTensor(values), readTensor(scales));
}

function digest(values: Uint8Array, scales: Uint8Array): Uint8Array {
  return createHash('sha256').update(values).update(scales).digest();
}

/** The rows of all parts as they are to be rounded, some at a time. */
function* slabs({ parts, turn }: QuantizedWeight): Iterable<Rows> {
  const { inputs } = sizesOf(parts);
  const rowsAtATime = Math.max(turn?.outputs ?? 1, Math.min(SLAB_ROWS, Math.floor(SLAB / inputs)));
  const turned = turn === null ? (values: Float32Array) => values : turner(turn, inputs);
  let first = 0;
  for (const part of parts) {
    const rows = part.shape[0] as number;
    const rowBytes = part.byteLength / rows;
    for (let row = 0; row < rows; row += rowsAtATime) {
      const count = Math.min(rowsAtATime, rows - row);
      const slab = { ...part, offset: part.offset + row * rowBytes, byteLength: count * rowBytes };
      yield { values: turned(toFloats(part.dtype, readTensor(slab))), inputs, first: first + row };
    }
    first += rows;
  }
}

function turner({ scale, inputs: inputBlock, outputs: outputBlock }: WeightTurn, inputs: number) {
  const factors = scale && readFloats(scale.tensor).map((factor) => factor + scale.offset);
  return (values: Float32Array): Float32Array => {
    if (factors) values.forEach((value, at) => (values[at] = value * (factors[at % inputs] as number)));
    if (inputBlock > 1) turnInputs(values, inputBlock);
    if (outputBlock > 1) turnOutputs(values, inputs, outputBlock);
    return values;
  };
}

function write(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at, bytes.length - at, position + at);
}
