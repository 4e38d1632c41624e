import { PANEL } from './quantized-weight';

/** Weights rounded to few bits. Rows are outputs of a linear layer. */

const INT8_MAX = 127;
/** What stands for zero in inputs of 8 bits. */
const INPUT_ZERO = 128;
const INT4_MIN = -8;
/** Two zeros. */
export const INT4_ZEROS = 0x88;

/** A run of rows, and where the first of them is among all. */
export interface Rows {
  /** [rows, inputs] */
  readonly values: Float32Array;
  readonly inputs: number;
  readonly first: number;
}

/**
 * Rounds each row to int8 with a scale of its own, and turns it: row n becomes column n.
 * @param values [inputs, outputs]
 * @param scales [outputs]
 */
export function toInt8Columns(rows: Rows, values: Int8Array, scales: Float32Array): void {
  const { inputs, first } = rows;
  const count = rows.values.length / inputs;
  const outputs = scales.length;
  const rounded = new Int8Array(rows.values.length);
  for (let row = 0; row < count; row++) {
    scales[first + row] = roundRow(rows.values, row * inputs, inputs, rounded);
  }
  for (let k = 0; k < inputs; k++) {
    const to = k * outputs + first;
    for (let row = 0; row < count; row++) values[to + row] = rounded[row * inputs + k] as number;
  }
}

/**
 * Rounds each row to int8 with a scale of its own, into the panels of `int8_panels`.
 * @param values [panels, inputs / 4, 64, 4]
 * @param scales [outputs]
 * @param zeros [outputs]
 */
export function toInt8Panels(rows: Rows, values: Uint8Array, scales: Float32Array, zeros: Int32Array): void {
  const { inputs, first } = rows;
  const count = rows.values.length / inputs;
  const rounded = new Int8Array(rows.values.length);
  for (let row = 0; row < count; row++) {
    scales[first + row] = roundRow(rows.values, row * inputs, inputs, rounded);
  }
  intoPanels({ values: rounded, inputs, first }, values, zeros);
}

/** Puts rows of int8 into the panels of `int8_panels`. */
export function intoPanels(
  {
    values: rows,
    inputs,
    first,
  }: { readonly values: Int8Array; readonly inputs: number; readonly first: number },
  values: Uint8Array,
  zeros: Int32Array,
): void {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length / 4);
  const from = new Int32Array(rows.buffer, rows.byteOffset, rows.length / 4);
  const quads = inputs / 4;
  for (let row = 0; row * inputs < rows.length; row++) {
    const output = first + row;
    const to = Math.floor(output / PANEL) * quads * PANEL + (output % PANEL);
    for (let k = 0; k < quads; k++) words[to + k * PANEL] = from[row * quads + k] as number;
    let sum = 0;
    for (let at = row * inputs; at < (row + 1) * inputs; at++) sum += rows[at] as number;
    zeros[output] = INPUT_ZERO * sum;
  }
}

/** @returns the scale of the row */
function roundRow(row: Float32Array, from: number, length: number, rounded: Int8Array): number {
  const scale = Math.fround(largest(row, from, from + length) / INT8_MAX);
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let at = from; at < from + length; at++) {
    // Above zero a conversion to an integer cuts off: half a step more makes it round.
    rounded[at] = (((row[at] as number) * inverse + 128.5) | 0) - 128;
  }
  return scale;
}

/** The largest magnitude; NaN where there is one. */
function largest(row: Float32Array, from: number, to: number): number {
  let max = 0;
  for (let at = from; at < to; at++) max = Math.max(max, Math.abs(row[at] as number));
  return max;
}

/**
 * Rounds each block of a row to 4 bits. The value that is largest in magnitude becomes the lowest of the 16, so that all of them
 * are used.
 * @param values [outputs, blocks, block / 2], zeros (8) where nothing is written
 * @param scales [outputs, blocks]
 */
export function toInt4Blocks(rows: Rows, block: number, values: Uint8Array, scales: Float32Array): void {
  const { inputs, first } = rows;
  const count = rows.values.length / inputs;
  const blocks = Math.ceil(inputs / block);
  for (let row = 0; row < count; row++) {
    for (let b = 0; b < blocks; b++) {
      const from = row * inputs + b * block;
      const to = Math.min(from + block, (row + 1) * inputs);
      const at = (first + row) * blocks + b;
      scales[at] = roundBlock(rows.values, from, to, values, (at * block) / 2);
    }
  }
}

/** @returns the scale of the block */
function roundBlock(row: Float32Array, from: number, to: number, values: Uint8Array, start: number): number {
  let extreme = 0;
  for (let at = from; at < to; at++) {
    const value = row[at] as number;
    if (Math.abs(value) > Math.abs(extreme) || Number.isNaN(value)) extreme = value;
  }
  const scale = Math.fround(extreme / INT4_MIN);
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let at = from; at < to; at++) {
    const value = Math.min(15, ((row[at] as number) * inverse + 8.5) | 0);
    const place = start + ((at - from) >> 1);
    // What pads the last block stays zero.
    values[place] =
      (at - from) % 2 === 0 ? value | (-INT4_MIN << 4) : ((values[place] as number) & 0xf) | (value << 4);
  }
  return scale;
}
