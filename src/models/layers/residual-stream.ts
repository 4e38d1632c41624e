import type { BranchNorms, DecoderConfig } from '../config/decoder-config';
import { bug } from '../../core/errors';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { addRmsNorm, normWeight, rmsNorm, scaled } from './layers';
import type { LinearMethod } from './linear-method';
import { innerBlockOf, rotationOf, turned, type Rotation, type Turn } from './rotation';

/** What a branch computes with: the stream through a norm, and how projections are multiplied that read it or that are added to it. */
export interface BranchInput {
  /** [tokens, hidden], rotated where the stream is. */
  readonly value: Value;
  readonly reads: LinearMethod;
  readonly writes: Writing;
  /** Rows of the value as the model means them, for what is neither rotated nor quantized. */
  plain(rows: Value): Value;
}

/** Projections whose results are added to the stream. */
export interface Writing {
  readonly linear: LinearMethod;
  /**
   * Of an input with elements of very different sizes, which is turned first, by blocks, where the stream is rotated.
   * @returns the block, 1 for none, and how the projection of what is turned is multiplied
   */
  inner(width: number): { readonly block: number; readonly linear: LinearMethod };
}

/**
 * The residual stream that branches read and add to. An addition waits for the norm that reads its sum, so that both are one
 * operator. Where the linear method gains from it, the stream is rotated.
 */
export class ResidualStream {
  private readonly rotation: Rotation | null;
  private readonly writes: Writing;
  private sum: Value;
  private pending: Value | null = null;

  /** @param embedded [tokens, hidden] */
  constructor(
    private readonly g: GraphBuilder,
    private readonly config: DecoderConfig,
    private readonly linear: LinearMethod,
    embedded: Value,
  ) {
    this.rotation = linear.turned === undefined ? null : rotationOf(config);
    this.writes = writing(linear, this.rotation);
    this.sum = this.rotate(embedded);
  }

  /** Adds what `compute` makes of the stream. */
  branch(prefix: string, norms: BranchNorms, compute: (input: BranchInput) => Value): void {
    const { g, config } = this;
    const input = norms.before === null ? this.unnormed() : this.normed(`${prefix}.${norms.before}`);
    const output = compute(input);
    const normed =
      norms.after === null
        ? output
        : rmsNorm(g, output, this.weight(`${prefix}.${norms.after}`), config.rmsNormEps);
    this.pending = scaled(g, normed, config.residualMultiplier);
  }

  /** The stream through a norm. */
  normed(name: string): BranchInput {
    const { linear, rotation, writes } = this;
    const { hiddenSize: width, normOffset: offset } = this.config;
    if (rotation === null) {
      return { value: this.throughNorm(name, this.weight(name), linear), reads: linear, writes, plain: (rows) => rows };
    }
    const ones = this.g.floats(`ones.${width}`, [width], new Float32Array(width).fill(1));
    const reads = turnedMethod(linear, rotation.reading({ name, width, offset }));
    return {
      value: this.throughNorm(name, ones, reads),
      reads,
      writes,
      plain: (rows) => this.g.node('Mul', [this.rotate(rows), this.weight(name)]),
    };
  }

  private throughNorm(name: string, weight: Value, reads: LinearMethod): Value {
    const { g, pending, sum } = this;
    const epsilon = this.config.rmsNormEps;
    if (pending === null) return rmsNorm(g, sum, weight, epsilon);
    const addition = { name, x: pending, residual: sum, weight, epsilon };
    const { normed, residual } = reads.normed?.(g, addition) ?? addRmsNorm(g, addition);
    [this.sum, this.pending] = [residual, null];
    return normed;
  }

  /** The stream itself, of a block that norms what its branches give. */
  private unnormed(): BranchInput {
    if (this.rotation !== null) throw bug('a rotated stream is read without a norm');
    if (this.pending !== null) this.sum = this.g.node('Add', [this.sum, this.pending]);
    this.pending = null;
    return { value: this.sum, reads: this.linear, writes: this.writes, plain: (rows) => rows };
  }

  private rotate(x: Value): Value {
    return this.rotation === null ? x : turned(this.g, x, this.config.hiddenSize, this.rotation.block);
  }

  private weight(name: string): Value {
    return normWeight(this.g, name, this.config.hiddenSize, this.config.normOffset);
  }
}

function writing(linear: LinearMethod, rotation: Rotation | null): Writing {
  if (rotation === null) return { linear, inner: () => ({ block: 1, linear }) };
  return {
    linear: turnedMethod(linear, rotation.writing(1)),
    inner(width) {
      const block = innerBlockOf(width);
      return { block, linear: turnedMethod(linear, rotation.writing(block)) };
    },
  };
}

function turnedMethod({ turned }: LinearMethod, turn: Turn): LinearMethod {
  if (turned === undefined) throw bug('weights of this method cannot be turned');
  return turned(turn);
}
