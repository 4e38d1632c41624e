/**
 * Element types of tensors: the numbers of `ONNXTensorElementDataType`, which are also those of `TensorProto.DataType`.
 */
export const ElementType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;

export type ElementTypeName = keyof typeof ElementType;

/** Types that models compute in. */
export type FloatType = Extract<ElementTypeName, 'float32' | 'float16' | 'bfloat16'>;

/** Typed arrays that can back a tensor. */
export type TensorData = Float32Array | Int32Array | Int8Array | BigInt64Array | Uint8Array | Uint16Array;

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<ElementTypeName, number>> = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  bfloat16: 2,
};
