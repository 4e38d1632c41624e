import { bug } from '../../core/errors';
import { blockForm, eachBlock, isBlockType } from '../gguf/blocks';
import { readFloats, readTensor, type TensorRef } from '../safetensors';
import type { PackedPart } from './quantized-weight';
import { intoPanels } from './rounding';

/**
 * Layouts in which checkpoints bring weights in few bits, taken over into the forms that ONNX Runtime multiplies.
 *
 * * `int8_rows` (compressed-tensors): values [outputs, inputs] int8, a scale for each output.
 * * `gptq`: values [inputs / 8, outputs] int32, eight inputs to a word, the first in the lowest bits; scales [groups, outputs]; zero points
 *   [groups, outputs / 8] int32, each stored as one less than it is.
 * * `awq`: values [inputs, outputs / 8] int32, eight outputs to a word in the order 0 2 4 6 1 3 5 7; scales [groups, outputs]; zero points
 *   [groups, outputs / 8] in the same order.
 * * GGUF's blocks (`gguf/blocks.ts`), each with its scale beside its values.
 */

/** Where parts go: rows of all outputs. */
export interface PackedTarget {
  readonly values: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
  readonly minimums: Float32Array;
  /** Outputs of all parts. */
  readonly outputs: number;
}

/** Which 4 bits of a word hold an output, in `awq`. */
const AWQ_PLACES = [0, 4, 1, 5, 2, 6, 3, 7] as const;

/** @param first output of the target that the part begins with */
export function takeInt8Rows(
  { inputs, outputs, values, scales }: PackedPart,
  target: PackedTarget,
  first: number,
): void {
  const stored = readTensor(values);
  for (let k = 0; k < inputs; k++) {
    const to = k * target.outputs + first;
    for (let n = 0; n < outputs; n++) target.values[to + n] = stored[n * inputs + k] as number;
  }
  target.scales.set(readFloats(scales), first);
}

/** As `takeInt8Rows`, into panels. */
export function takeInt8Panels(
  { inputs, values, scales }: PackedPart,
  target: PackedTarget,
  first: number,
): void {
  const rows = new Int8Array(Uint8Array.from(readTensor(values)).buffer);
  intoPanels({ values: rows, inputs, first }, target.values, new Int32Array(target.zeros.buffer));
  target.scales.set(readFloats(scales), first);
}

export function takeGptq(part: PackedPart, target: PackedTarget, first: number): void {
  const words = readWords(part);
  const perRow = part.inputs / 8;
  // A word of eight inputs is just the four bytes that it becomes.
  const rows = new Uint32Array(target.values.buffer, (first * part.inputs) / 2, part.outputs * perRow);
  for (let k = 0; k < perRow; k++) {
    for (let n = 0; n < part.outputs; n++) rows[n * perRow + k] = words[k * part.outputs + n] as number;
  }
  takeGroups(part, target, first, (zeros, group, n) => {
    const word = zeros[group * (part.outputs / 8) + (n >> 3)] as number;
    return ((word >>> (4 * (n & 7))) + 1) & 0xf;
  });
}

export function takeAwq(part: PackedPart, target: PackedTarget, first: number): void {
  const words = readWords(part);
  const perRow = part.outputs / 8;
  const at = (list: Uint32Array, row: number, n: number): number =>
    ((list[row * perRow + (n >> 3)] as number) >>> (4 * (AWQ_PLACES[n & 7] as number))) & 0xf;
  for (let n = 0; n < part.outputs; n++) {
    const to = ((first + n) * part.inputs) / 2;
    for (let k = 0; k < part.inputs; k += 2) {
      target.values[to + k / 2] = at(words, k, n) | (at(words, k + 1, n) << 4);
    }
  }
  takeGroups(part, target, first, at);
}

/**
 * Rows are whole blocks, so that all of them follow one another as values do. Numbers are moved so that the one in the middle comes to
 * lie on the zero point; where blocks have minimums, those make up for it.
 */
export function takeBlocks(part: TensorRef, target: PackedTarget, first: number): void {
  const { dtype, shape } = part;
  if (!isBlockType(dtype)) throw bug(`${dtype} has no blocks`);
  const { bits, group, middle, hasMinimums } = blockForm(dtype);
  const start = first * (shape[1] as number);
  const shift = (bits === 4 ? 8 : 128) - middle;
  eachBlock(dtype, readTensor(part), ({ numbers, scales, minimums }, index) => {
    const from = start + index * numbers.length;
    const to = (from * bits) / 8;
    if (bits === 4) {
      for (let at = 0; at < numbers.length; at += 2) {
        target.values[to + (at >> 1)] = (numbers[at] as number) | ((numbers[at + 1] as number) << 4);
      }
    } else {
      for (let at = 0; at < numbers.length; at++) target.values[to + at] = (numbers[at] as number) + shift;
    }
    target.scales.set(scales, from / group);
    if (!hasMinimums) return;
    for (let at = 0; at < scales.length; at++) {
      target.minimums[from / group + at] = (minimums[at] as number) + middle * (scales[at] as number);
    }
  });
}

function takeGroups(
  part: PackedPart,
  target: PackedTarget,
  first: number,
  zeroOf: (zeros: Uint32Array, group: number, n: number) => number,
): void {
  const scales = readFloats(part.scales);
  const zeros = wordsOf(readTensor(zerosOf(part)));
  const groups = scales.length / part.outputs;
  const zeroBytes = Math.ceil(groups / 2);
  for (let n = 0; n < part.outputs; n++) {
    for (let group = 0; group < groups; group++) {
      target.scales[(first + n) * groups + group] = scales[group * part.outputs + n] as number;
      const at = (first + n) * zeroBytes + (group >> 1);
      target.zeros[at] = (target.zeros[at] as number) | (zeroOf(zeros, group, n) << (4 * (group & 1)));
    }
  }
}

function zerosOf({ zeros }: PackedPart): TensorRef {
  if (zeros === null) throw bug('weights of this layout have zero points');
  return zeros;
}

const readWords = ({ values }: PackedPart): Uint32Array => wordsOf(readTensor(values));

const wordsOf = (bytes: Buffer): Uint32Array => new Uint32Array(Uint8Array.from(bytes).buffer);
