import type { ElementTypeName, TensorData } from '../../onnxruntime/element-type';
import type { IoBinding } from '../../onnxruntime/io-binding';
import type { Session } from '../../onnxruntime/session';
import type { Tensor } from '../../onnxruntime/tensor';
import type { KvShape, KvStore } from '../kv-store';

/**
 * The device seam: everything about running a model that depends on where its memory lies. One for each entry of
 * `DEVICES`; the runners, the memory plan and the scheduler know no device by name.
 */
export interface Backend {
  /** What captured batch sizes are called in the log: `cpu graph`, `cuda graph`. */
  readonly graphName: string;
  /** Number type of activations, keys and values. */
  readonly elementType: ElementTypeName;
  /** Runs of a decode batch after which its size counts as captured. */
  readonly captureRuns: number;
  /** Threads of the host that it may use. */
  readonly threads: number;
  /** What the KV cache may be planned with. */
  readonly memory: MemoryBudget;

  /**
   * Loads a graph onto the device.
   * @param graph the bytes of an ONNX model
   * @param externalDataFolder folder of the files that its weights lie in
   * @throws OrtError when the graph is invalid or its data cannot be read; StartupError when the device cannot be used
   */
  createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session>;

  /**
   * Reserves keys and values on the device.
   * @param rows requests that can run at a time
   * @param capacity tokens a row can hold
   * @param slots tokens that can be cached
   */
  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore;

  /** Reserves a tensor of fixed shape that the host writes before runs, or reads after them. */
  stage<D extends TensorData>(type: ElementTypeName, data: D, dims: readonly number[]): StagedTensor<D>;

  /** A binding whose runs replay the captured batch size. */
  bindCaptured(session: Session, batchSize: number): IoBinding;
}

/** What the memory plan asks a device. */
export interface MemoryBudget {
  /** Bytes of the device that are free now. */
  freeBytes(): number;
  /** Bytes that one token of the KV cache takes at most, wherever it is held. */
  tokenBytes(shape: KvShape): number;
  /** Most rows of `capacity` tokens that fit, whatever the memory; Infinity where any number does. */
  rowLimit(shape: KvShape, capacity: number): number;
}

/**
 * A tensor with a host side. Where device and host share their memory both are one and the copies are nothing; else the
 * copies are ordered with the runs of the same backend, so nobody waits for an upload.
 */
export interface StagedTensor<D extends TensorData = TensorData> {
  /** The host side, row-major; its memory never moves. */
  readonly data: D;
  /** What runs are bound to. */
  readonly tensor: Tensor;
  /** Has runs that start from now on see the host side. */
  upload(): void;
  /** Brings the result of the last run to the host side; null when it is there already. */
  download(): Promise<void> | null;
  dispose(): void;
}
