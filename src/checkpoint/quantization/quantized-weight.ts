import type { TensorRef } from '../safetensors';

/**
 * How the weights of a linear layer lie:
 *
 * * `int8_columns`: values [inputs, outputs] int8, one scale for each output. What is stored is the value times its scale.
 * * `int8_panels`: the same numbers in the order in which the operator `QuantizedProduct` reads them, values [panels, inputs / 4, 64, 4] of 64
 *   outputs each, zeros where the last panel has fewer; and as `zeros`, [outputs] int32, what inputs around 128 add to a sum.
 * * `blocks`: values [outputs, blocks, block · bits / 8], of 4 bits two to a byte, the earlier one in its low half; one scale for each
 *   block of `block` inputs. What is stored is the value less a zero point, times its scale. The zero point is 8, of 8 bits 128, unless
 *   blocks have their own (4 bits only: [outputs, blocks / 2], two to a byte). Where blocks have minimums, [outputs, blocks] float32, each
 *   is added to all that its block stands for.
 * * `floats`: values [outputs, inputs] float32, for what cannot be multiplied in any other form.
 */
export type WeightForm = Int8Form | BlockedForm | { readonly kind: 'floats' };

export interface Int8Form {
  readonly kind: 'int8_columns' | 'int8_panels';
}

export interface BlockedForm {
  readonly kind: 'blocks';
  readonly bits: 4 | 8;
  readonly block: number;
  /** What blocks have beside their scales. */
  readonly offset: 'none' | 'zeros' | 'minimums';
}

/** Outputs of a panel (`native/kernels.h`). */
export const PANEL = 64;

/** How weights lie in a checkpoint, and what they become. */
export type StoredWeight = FloatWeight | BlockWeight | PackedWeight;

/** What stands for floats, which are rounded. */
export interface FloatWeight {
  readonly layout: 'floats';
  /** null takes them as they are. */
  readonly turn: WeightTurn | null;
  /** [outputs, inputs] each; outputs of the result follow one another. */
  readonly parts: readonly TensorRef[];
}

/** Blocks of GGUF's types, of which nothing is lost. See `packed-layouts.ts`. */
export interface BlockWeight {
  readonly layout: 'blocks';
  /** [outputs, inputs] each, of types that the form holds; outputs of the result follow one another. */
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

/** The weights of one or several linear layers of the same input, made into another form. */
export interface QuantizedWeight {
  /** Of its own among the weights of a model. */
  readonly name: string;
  readonly form: WeightForm;
  readonly stored: StoredWeight;
}

/** What weights consist of, in a file. */
export const TENSOR_KINDS = ['values', 'scales', 'zeros', 'minimums'] as const;

/** What comes of them, in a file; null for what the form has none of. */
export interface QuantizedTensors {
  readonly values: TensorRef;
  /** float32 */
  readonly scales: TensorRef | null;
  readonly zeros: TensorRef | null;
  /** float32 */
  readonly minimums: TensorRef | null;
}

export interface TensorShape {
  readonly dtype: 'F32' | 'I32' | 'I8' | 'U8';
  readonly shape: readonly number[];
}

type Shapes = Readonly<Record<keyof QuantizedTensors, TensorShape | null>>;

/** What a weight becomes. */
export function shapesOf({ form, stored }: Pick<QuantizedWeight, 'form' | 'stored'>): Shapes {
  const { inputs, outputs } = sizesOf(stored);
  const only = { scales: null, zeros: null, minimums: null };
  switch (form.kind) {
    case 'int8_columns':
      return {
        ...only,
        values: { dtype: 'I8', shape: [inputs, outputs] },
        scales: { dtype: 'F32', shape: [outputs] },
      };
    case 'int8_panels':
      return {
        ...only,
        values: { dtype: 'I8', shape: [Math.ceil(outputs / PANEL), inputs / 4, PANEL, 4] },
        scales: { dtype: 'F32', shape: [outputs] },
        zeros: { dtype: 'I32', shape: [outputs] },
      };
    case 'blocks': {
      const blocks = Math.ceil(inputs / form.block);
      const each: TensorShape = { dtype: 'F32', shape: [outputs, blocks] };
      return {
        values: { dtype: 'U8', shape: [outputs, blocks, (form.block * form.bits) / 8] },
        scales: each,
        zeros: form.offset === 'zeros' ? { dtype: 'U8', shape: [outputs, Math.ceil(blocks / 2)] } : null,
        minimums: form.offset === 'minimums' ? each : null,
      };
    }
    case 'floats':
      return { ...only, values: { dtype: 'F32', shape: [outputs, inputs] } };
  }
}

/** Sizes of all parts together. */
export function sizesOf(stored: StoredWeight): {
  readonly inputs: number;
  readonly outputs: number;
} {
  const sizes =
    stored.layout === 'floats' || stored.layout === 'blocks'
      ? stored.parts.map(({ shape }) => ({ outputs: shape[0] as number, inputs: shape[1] as number }))
      : stored.parts;
  const outputs = sizes.reduce((sum, part) => sum + part.outputs, 0);
  return { inputs: (sizes[0] as { inputs: number }).inputs, outputs };
}

/** All tensors of the checkpoint that a weight is made of. */
export function tensorsOf({ stored }: QuantizedWeight): readonly TensorRef[] {
  switch (stored.layout) {
    case 'floats':
      return stored.turn?.scale ? [...stored.parts, stored.turn.scale.tensor] : stored.parts;
    case 'blocks':
      return stored.parts;
    default:
      return stored.parts.flatMap(({ values, scales, zeros }) => [
        values,
        scales,
        ...(zeros === null ? [] : [zeros]),
      ]);
  }
}
