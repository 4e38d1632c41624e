import type { TensorDtype, TensorRef } from '../safetensors';

/**
 * How the weights of a linear layer lie in few bits:
 *
 * * `int8_columns`: values [inputs, outputs] int8, one scale for each output. What is stored is the value times its scale.
 * * `int4_blocks`: values [outputs, blocks, block / 2], two to a byte, the earlier one in its low half; one scale for each block of
 *   `block` inputs. What is stored is 8 less than the value, times its scale; in place of 8 the block's zero point where it has one:
 *   [outputs, blocks / 2], two to a byte.
 */
export type WeightForm =
  | { readonly kind: 'int8_columns' }
  | { readonly kind: 'int4_blocks'; readonly block: number; readonly hasZeros: boolean };

/** How weights lie in a checkpoint, and what they become. */
export type StoredWeight = FloatWeight | PackedWeight;

/** Floats, which are rounded. */
export interface FloatWeight {
  readonly layout: 'floats';
  /** null rounds them as they are. */
  readonly turn: WeightTurn | null;
  /** [outputs, inputs] each; outputs of the result follow one another. */
  readonly parts: readonly TensorRef[];
}

/** Few bits already, which are taken over to the bit. See `packed-layouts.ts`. */
export interface PackedWeight {
  readonly layout: PackedLayout;
  /** Outputs of the result follow one another. */
  readonly parts: readonly PackedPart[];
}

export type PackedLayout = 'int8_rows' | 'gptq' | 'awq';

export interface PackedPart {
  readonly inputs: number;
  readonly outputs: number;
  readonly values: TensorRef;
  readonly scales: TensorRef;
  /** null where the layout has none. */
  readonly zeros: TensorRef | null;
}

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

/** The weights of one or several linear layers of the same input in few bits. */
export interface QuantizedWeight {
  /** Of its own among the weights of a model. */
  readonly name: string;
  readonly form: WeightForm;
  readonly stored: StoredWeight;
}

/** What comes of them, in a file. */
export interface QuantizedTensors {
  readonly values: TensorRef;
  /** float32 */
  readonly scales: TensorRef;
  /** null where the form has none. */
  readonly zeros: TensorRef | null;
}

export interface TensorShape {
  readonly dtype: TensorDtype;
  readonly shape: readonly number[];
}

/** What a weight becomes. */
export function shapesOf({ form, stored }: Pick<QuantizedWeight, 'form' | 'stored'>): {
  readonly values: TensorShape;
  readonly scales: TensorShape;
  readonly zeros: TensorShape | null;
} {
  const { inputs, outputs } = sizesOf(stored);
  switch (form.kind) {
    case 'int8_columns':
      return {
        values: { dtype: 'I8', shape: [inputs, outputs] },
        scales: { dtype: 'F32', shape: [outputs] },
        zeros: null,
      };
    case 'int4_blocks': {
      const blocks = Math.ceil(inputs / form.block);
      return {
        values: { dtype: 'U8', shape: [outputs, blocks, form.block / 2] },
        scales: { dtype: 'F32', shape: [outputs, blocks] },
        zeros: form.hasZeros ? { dtype: 'U8', shape: [outputs, Math.ceil(blocks / 2)] } : null,
      };
    }
  }
}

/** Sizes of all parts together. */
export function sizesOf({ layout, parts }: StoredWeight): {
  readonly inputs: number;
  readonly outputs: number;
} {
  const sizes =
    layout === 'floats'
      ? parts.map(({ shape }) => ({ outputs: shape[0] as number, inputs: shape[1] as number }))
      : parts;
  const outputs = sizes.reduce((sum, part) => sum + part.outputs, 0);
  return { inputs: (sizes[0] as { inputs: number }).inputs, outputs };
}

/** All tensors of the checkpoint that a weight is made of. */
export function tensorsOf({ stored }: QuantizedWeight): readonly TensorRef[] {
  if (stored.layout === 'floats') {
    return stored.turn?.scale ? [...stored.parts, stored.turn.scale.tensor] : stored.parts;
  }
  return stored.parts.flatMap(({ values, scales, zeros }) => [
    values,
    scales,
    ...(zeros === null ? [] : [zeros]),
  ]);
}
