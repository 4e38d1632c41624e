import type { NodeTraits, TopSearch } from '../../models/graph/graph-builder';
import type { Model } from '../../models/model';
import type { ElementTypeName, FloatType, TensorData } from '../../onnxruntime/element-type';
import type { IoBinding } from '../../onnxruntime/io-binding';
import type { Place, Session } from '../../onnxruntime/session';
import type { Tensor } from '../../onnxruntime/tensor';
import type { KvType } from '../../models/kv-planes';
import type { ServerArgs } from '../../server-args/server-args';
import type { KvShape, KvStore } from '../kv-store';

/**
 * The device seam: everything about running a model that depends on where its memory lies. One for each entry of
 * `DEVICES`; the runners, the memory plan and the scheduler know no device by name.
 */
export interface Backend {
  /** What captured batch sizes are called in the log: `cpu graph`, `cuda graph`. */
  readonly graphName: string;
  /** Number type of activations, keys and values; settled by `prepareFor` where there is a choice. */
  readonly elementType: FloatType;
  /** Number type that keys and values are stored in; left out: `elementType`. */
  readonly kvType?: KvType;
  /** Runs of a decode batch after which its size counts as captured. */
  readonly captureRuns: number;
  /** Whether batch sizes can be captured; left out: they can. */
  readonly captures?: boolean;
  /** Threads of the host that it may use. */
  readonly threads: number;
  /** Tokens of one row that a run may compute; Infinity for any number. */
  readonly runTokens: number;
  /** Whether inputs of products stay floats there; left out: weights in few bits are multiplied with inputs in 8 bits. */
  readonly floatInputs?: boolean;
  /** Whether tables that rows are gathered from lie with the weights, in `elementType`; left out: as the checkpoint has them. */
  readonly tablesAreWeights?: boolean;
  /** The library of this project's own operators, where graphs may have some. */
  readonly operators?: string | null;
  /** Whether those multiply rows and weights in 8 bits. */
  readonly ownProducts?: boolean;
  /** Whether keys and values lie in pages, and graphs attend to them there: rows have no memory of their own then. */
  readonly hasPages?: boolean;
  /** Whether streams step alone, without pieces of prompts in the same run; left out: they share runs where rows are packed. */
  readonly stepsAlone?: boolean;
  /** Whether GroupQueryAttention attends to later tokens there; left out: it does. */
  readonly groupsBothWays?: boolean;
  /** How graphs find the largest logits there, so that rows of them need not come to the host; left out where they are there already. */
  readonly topSearch?: TopSearch;
  /** What the KV cache may be planned with. */
  readonly memory: MemoryBudget;

  /**
   * Told of the model before anything is loaded; left out where any will do.
   * @param dtype the type it is asked to compute in
   * @throws StartupError of one line when the device cannot compute it
   */
  prepareFor?(model: Model, dtype: ServerArgs['dtype']): void | Promise<void>;

  /**
   * Loads a graph onto the device.
   * @param graph the bytes of an ONNX model
   * @param externalDataFolder folder of the files that its weights lie in
   * @param traits nodes that a device may have to leave to the CPU
   * @throws OrtError when the graph is invalid or its data cannot be read; StartupError when the device cannot be used, or cannot
   *   compute this model
   */
  createSession(graph: Uint8Array, externalDataFolder: string | null, traits?: NodeTraits): Promise<Session>;

  /**
   * Reserves keys and values on the device.
   * @param rows requests that can run at a time
   * @param capacity tokens a row can hold
   * @param slots tokens that can be cached
   */
  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore;

  /**
   * Reserves a tensor of fixed shape that the host writes before runs, or reads after them.
   * @param place where the graph wants it (`Session.placeOf`); by default in the device's memory
   */
  stage<D extends TensorData>(
    type: ElementTypeName,
    data: D,
    dims: readonly number[],
    place?: Place,
  ): StagedTensor<D>;

  /**
   * Does the work of one run, from the reservation of its tensors to the last copy: at once, or where a device takes one call at a
   * time, once what is under way has ended.
   */
  turn<T>(work: () => Promise<T>): Promise<T>;

  /** A binding whose runs replay what was captured. @param number its own among all that are */
  bindCaptured(session: Session, number: number): IoBinding;

  /** What to tell the operator of an error while batch sizes were captured; null, or left out, for the error itself. */
  captureFailure?(error: unknown): Error | null;
}

/** What the memory plan asks a device. */
export interface MemoryBudget {
  /** Bytes of the device that are free now. */
  freeBytes(): number;
  /** Bytes that rows and arena may take; left out: `--mem-fraction-static` of what is free. */
  cacheBytes?(): number;
  /** Bytes taken so far; left out: those of the process. */
  usedBytes?(): number;
  /** Rows that are reserved without being asked for; left out: as many as a CPU gains from. */
  readonly defaultRows?: number;
  /** Bytes that one token of the KV cache takes at most, wherever it is held. */
  tokenBytes(shape: KvShape): number;
  /** Most tokens that can be cached, whatever the memory; Infinity where any number can. */
  slotLimit(shape: KvShape): number;
  /** Most rows of `capacity` tokens that fit beside an arena of `slots`, whatever the memory; Infinity where any number does. */
  rowLimit(shape: KvShape, capacity: number, slots: number): number;
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
  /** The first elements of both sides, for as long as this lives; whoever asked for it disposes of it before. */
  front(dims: readonly number[]): StagedTensor<D>;
  /** Has runs that start from now on see the host side. */
  upload(): void;
  /** Brings the result of the last run to the host side; null when it is there already. */
  download(): Promise<void> | null;
  dispose(): void;
}
