import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { toFloats } from '../floats';
import { readFloats, readTensor, type TensorRef } from '../safetensors';
import {
  takeAwq,
  takeBlocks,
  takeGptq,
  takeInt8Panels,
  takeInt8Rows,
  type PackedTarget,
} from './packed-layouts';
import {
  sizesOf,
  TENSOR_KINDS,
  type BlockWeight,
  type FloatWeight,
  type PackedWeight,
  type QuantizedTensors,
  type QuantizedWeight,
  type WeightForm,
  type WeightTurn,
} from './quantized-weight';
import { INT4_ZEROS, toInt4Blocks, toInt8Columns, toInt8Panels, type Rows } from './rounding';
import { turnInputs, turnOutputs } from './turning';

/** Stored values that are in memory as floats at a time. */
const SLAB = 2 ** 20;
/** Rows of a slab at most: so many columns are written side by side. */
const SLAB_ROWS = 64;

/**
 * Makes a weight and writes it where it belongs.
 * @param fd of the file, which has its full length
 * @returns the SHA-256 of what was written
 */
export function makeWeight(
  fd: number,
  { form, stored }: QuantizedWeight,
  tensors: QuantizedTensors,
): Uint8Array {
  const target: PackedTarget = {
    values: new Uint8Array(tensors.values.byteLength),
    scales: floatsFor(tensors.scales),
    zeros: new Uint8Array(tensors.zeros?.byteLength ?? 0),
    minimums: floatsFor(tensors.minimums),
    outputs: sizesOf(stored).outputs,
  };
  if (stored.layout === 'floats') round(stored, form, target);
  else take(stored, form, target);
  const parts: Uint8Array[] = [];
  for (const kind of TENSOR_KINDS) {
    const tensor = tensors[kind];
    if (tensor === null) continue;
    const bytes = new Uint8Array(target[kind].buffer);
    write(fd, bytes, tensor.offset);
    parts.push(bytes);
  }
  return digest(parts);
}

/** The SHA-256 of a weight that lies in a file. @throws StartupError when the file ends before it does */
export function digestOf(tensors: QuantizedTensors): Uint8Array {
  const present = TENSOR_KINDS.map((kind) => tensors[kind]).filter((tensor) => tensor !== null);
  return digest(present.map(readTensor));
}

function floatsFor(tensor: TensorRef | null): Float32Array {
  return new Float32Array((tensor?.byteLength ?? 0) / Float32Array.BYTES_PER_ELEMENT);
}

function digest(parts: readonly Uint8Array[]): Uint8Array {
  return parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
}

function round(stored: FloatWeight, form: WeightForm, { values, scales, zeros }: PackedTarget): void {
  const signed = new Int8Array(values.buffer);
  const sums = new Int32Array(zeros.buffer, 0, zeros.length >> 2);
  const floats = form.kind === 'floats' ? new Float32Array(values.buffer) : null;
  if (form.kind === 'blocks') values.fill(INT4_ZEROS);
  for (const rows of slabs(stored)) {
    if (floats !== null) floats.set(rows.values, rows.first * rows.inputs);
    else if (form.kind === 'blocks') toInt4Blocks(rows, form.block, values, scales);
    else if (form.kind === 'int8_panels') toInt8Panels(rows, values, scales, sums);
    else toInt8Columns(rows, signed, scales);
  }
}

const TAKES = { int8_rows: takeInt8Rows, gptq: takeGptq, awq: takeAwq } as const;

function take(stored: PackedWeight | BlockWeight, form: WeightForm, target: PackedTarget): void {
  let first = 0;
  if (stored.layout === 'blocks') {
    for (const part of stored.parts) {
      takeBlocks(part, target, first);
      first += part.shape[0] as number;
    }
    return;
  }
  for (const part of stored.parts) {
    if (form.kind === 'int8_panels') takeInt8Panels(part, target, first);
    else TAKES[stored.layout](part, target, first);
    first += part.outputs;
  }
}

/** The rows of all parts as they are to be rounded, some at a time. */
function* slabs(stored: FloatWeight): Iterable<Rows> {
  const { parts, turn } = stored;
  const { inputs } = sizesOf(stored);
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
    if (factors) scaleInputs(values, factors);
    if (inputBlock > 1) turnInputs(values, inputBlock);
    if (outputBlock > 1) turnOutputs(values, inputs, outputBlock);
    return values;
  };
}

function scaleInputs(values: Float32Array, factors: Float32Array): void {
  for (let row = 0; row < values.length; row += factors.length) {
    for (let at = 0; at < factors.length; at++) {
      values[row + at] = (values[row + at] as number) * (factors[at] as number);
    }
  }
}

function write(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at, bytes.length - at, position + at);
}
