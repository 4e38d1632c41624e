import type { TensorDtype, TensorRef } from './safetensors';

/** Where a graph builder gets a model's weights from: as they are stored, or converted from that. */
export interface WeightSource {
  /**
   * A stored tensor.
   * @param shape that the builder expects
   * @throws StartupError naming the tensor when it is missing or of another shape
   */
  get(name: string, shape: readonly number[]): TensorRef;
  /**
   * A tensor that is made from stored ones (`readTensor`), say quantized.
   * @param make its bytes, row-major and little-endian; asked for once a name
   * @throws StartupError when they cannot be kept
   */
  convert(name: string, dtype: TensorDtype, shape: readonly number[], make: () => Uint8Array): TensorRef;
  /** Files that hold stored tensors: absolute, links resolved. */
  readonly files: readonly string[];
  /** Releases what backs the tensors; no `TensorRef` may be read afterwards. */
  close(): void;
}
