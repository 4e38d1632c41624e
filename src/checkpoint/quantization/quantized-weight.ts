import type { TensorDtype, TensorRef } from '../safetensors';

/**
 * How the weights of a linear layer lie in few bits:
 *
 * * `int8_columns`: values [inputs, outputs] int8, one scale for each output. What is stored is the value times its scale.
 * * `int4_blocks`: values [outputs, blocks, block / 2], two to a byte, the earlier one in its low half; one scale for each block of
 *   `block` inputs. What is stored is 8 less than the value, times its scale.
 */
export type WeightForm =
  { readonly kind: 'int8_columns' } | { readonly kind: 'int4_blocks'; readonly block: number };

/**
 * What becomes of weights before they are rounded: Hadamard blocks over the outputs · W · the scale of each input · Hadamard blocks over
 * the inputs. See `models/layers/rotation.ts`.
 */
export interface WeightTurn {
  /** [inputs], with `offset` added to each; null is all ones. */
  readonly scale: { readonly tensor: TensorRef; readonly offset: number } | null;
  /** Sizes of the blocks, powers of two that divide the number of inputs, or outputs of each part; 1 turns nothing. */
  readonly inputs: number;
  readonly outputs: number;
}

/** The weights of one or several linear layers of the same input, to be quantized. */
export interface QuantizedWeight {
  /** Of its own among the weights of a model. */
  readonly name: string;
  readonly form: WeightForm;
  /** null rounds them as they are. */
  readonly turn: WeightTurn | null;
  /** [outputs, inputs] each; outputs of the result follow one another. */
  readonly parts: readonly TensorRef[];
}

/** What comes of them, in a file. */
export interface QuantizedTensors {
  readonly values: TensorRef;
  /** float32 */
  readonly scales: TensorRef;
}

export interface TensorShape {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
}

/** What a weight becomes. */
export function shapesOf({ form, parts }: Pick<QuantizedWeight, 'form' | 'parts'>): {
  readonly values: TensorShape;
  readonly scales: TensorShape;
} {
  const { inputs, outputs } = sizesOf(parts);
  switch (form.kind) {
    case 'int8_columns':
      return {
        values: { dtype: 'I8', shape: [inputs, outputs] },
        scales: { dtype: 'F32', shape: [outputs] },
      };
    case 'int4_blocks': {
      const blocks = Math.ceil(inputs / form.block);
      return {
        values: { dtype: 'U8', shape: [outputs, blocks, form.block / 2] },
        scales: { dtype: 'F32', shape: [outputs, blocks] },
      };
    }
  }
}

/** Sizes of the parts together. */
export function sizesOf(parts: readonly TensorRef[]): { readonly inputs: number; readonly outputs: number } {
  const outputs = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  return { inputs: parts[0]?.shape[1] as number, outputs };
}
