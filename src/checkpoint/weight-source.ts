import type { TensorRef } from './safetensors';

/** Where a graph builder gets a model's weights from. */
export interface WeightSource {
  /**
   * A stored tensor.
   * @param shape that the builder expects
   * @throws StartupError naming the tensor when it is missing or of another shape
   */
  get(name: string, shape: readonly number[]): TensorRef;
  /** Files that hold stored tensors: absolute, links resolved. */
  readonly files: readonly string[];
  /** Releases what backs the tensors; no `TensorRef` may be read afterwards. */
  close(): void;
}
