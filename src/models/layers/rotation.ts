import { hadamard } from '../../checkpoint/quantization/turning';
import type { DecoderConfig } from '../config/decoder-config';
import type { CheckpointTensor, GraphBuilder, Value } from '../graph/graph-builder';

/** A `WeightTurn`, with the name of its scale. */
export interface Turn {
  readonly scale: { readonly weight: CheckpointTensor; readonly offset: number } | null;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * A rotation of the residual stream, for weights and inputs in few bits (QuaRot, arXiv 2404.00456). A few elements of the stream are
 * far larger than the rest, and what shares their scale is rounded away. Multiplied with a Hadamard matrix, block by block, all are of
 * about the same size, and everything that reads or writes the stream can be multiplied with the same matrix when weights are quantized:
 * the model stays what it is. An RMS norm does not notice; its weight moves into the projections that read it.
 */
export class Rotation {
  /** @param block a power of two that divides the width of the stream */
  constructor(readonly block: number) {}

  /** The turn of weights that read the stream through a norm. */
  reading(norm: NormWeight): Turn {
    const weight = { name: `${norm.name}.weight`, shape: [norm.width] };
    return { scale: { weight, offset: norm.offset }, inputs: this.block, outputs: 1 };
  }

  /**
   * The turn of weights whose result is added to the stream.
   * @param inputs block by which their input is turned; 1 for not at all
   */
  writing(inputs: number): Turn {
    return { scale: null, inputs, outputs: this.block };
  }
}

/** The weight of a norm in front of a projection. */
export interface NormWeight {
  readonly name: string;
  readonly width: number;
  readonly offset: 0 | 1;
}

/** Blocks of the stream are turned once for all, by weights: they may be large. */
const MAX_STREAM_BLOCK = 256;
/** Turning the inputs of the MLP's second half costs a product in each layer. */
const MAX_INNER_BLOCK = 64;
const MIN_BLOCK = 16;

/**
 * The rotation of a decoder; null where its stream cannot be rotated: where a branch's output goes through a norm or gets a bias before
 * it is added.
 */
export function rotationOf(config: DecoderConfig): Rotation | null {
  const branches = Object.values(config.blockNorms);
  const isPlain = branches.every(({ before, after }) => before !== null && after === null);
  const block = blockOf(config.hiddenSize, MAX_STREAM_BLOCK);
  return isPlain && !config.outputBias && !config.mlpBias && block > 1 ? new Rotation(block) : null;
}

/** The block by which the input of the MLP's second half is turned. */
export function innerBlockOf(width: number): number {
  return blockOf(width, MAX_INNER_BLOCK);
}

function blockOf(width: number, most: number): number {
  const power = Math.min(width & -width, most);
  return power < MIN_BLOCK ? 1 : power;
}

/**
 * Turns each block of a value; a second time turns it back.
 * @param x [rows, width]
 */
export function turned(g: GraphBuilder, x: Value, width: number, block: number): Value {
  if (block === 1) return x;
  return g.memo(`${x}:turned`, () => {
    const blocks = g.node('Reshape', [x, g.ints(`shape.blocks.${block}`, [-1, block])]);
    const product = g.node('MatMul', [blocks, g.floats(`hadamard.${block}`, [block, block], hadamard(block))]);
    return g.node('Reshape', [product, g.ints(`shape.wide.${width}`, [-1, width])]);
  });
}
