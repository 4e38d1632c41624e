import { StartupError } from '../../../core/errors';
import type { ElementTypeName, TensorData } from '../../../onnxruntime/element-type';
import { IoBinding } from '../../../onnxruntime/io-binding';
import { ownKernels } from '../../../core/own-kernels';
import { ownOperators } from '../../../onnxruntime/own-operators';
import { Session } from '../../../onnxruntime/session';
import { bytesPerToken, type KvShape, type KvStore } from '../../kv-store';
import type { Backend, MemoryBudget, StagedTensor } from '../backend';
import { HostTensor } from '../host-tensor';
import { hostMemory, threadsOf, WHOLE, type Share } from '../share';
import { HostKvStore, type HostKvType } from './host-kv-store';
import { hasExactProducts } from './products';

const FLOAT_BYTES = 4;

/** Largest buffer of one plane of rows (one layer's keys or values): what an ArrayBuffer may hold. */
const PLANE_LIMIT_BYTES = 4 * 2 ** 30 - 4096;

/** Everything in memory of this process, in float32. */
export class CpuBackend implements Backend {
  readonly graphName: string = 'cpu graph';
  readonly elementType = 'float32';
  readonly captureRuns = 1;
  readonly runTokens = Infinity;
  readonly operators: string | null = ownOperators();
  readonly ownProducts: boolean = ownKernels()?.multiplies ?? false;
  readonly threads: number;
  readonly memory: MemoryBudget;

  /**
   * @param share the part of the machine it may use
   * @param freeBytes what is free where keys and values lie
   */
  constructor(
    protected readonly share: Share = WHOLE,
    freeBytes: () => number = hostMemory(share, process),
    readonly kvType: HostKvType = 'float32',
  ) {
    if (kvType === 'int8' && this.operators === null) {
      throw new StartupError(
        '--kv-cache-dtype int8 needs the operators of sglang-node, which are compiled for Linux on x64 with AVX2 (and SGLANG_USE_OWN_OPERATORS)',
      );
    }
    this.threads = threadsOf(share);
    this.memory = {
      freeBytes,
      // In a request's row and in the cache.
      tokenBytes: (shape) => 2 * bytesPerToken(shape, kvType),
      slotLimit: () => Infinity,
      rowLimit: ({ numKvHeads, headDim }, capacity) =>
        Math.floor(PLANE_LIMIT_BYTES / (numKvHeads * capacity * headDim * FLOAT_BYTES)),
    };
  }

  createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session> {
    return Session.create(graph, {
      intraOpThreads: this.threads,
      externalDataFolder,
      provider: null,
      operators: this.operators,
      // Products that cannot overflow take twice the time: only where the fast ones can.
      config: { 'session.x64quantprecision': hasExactProducts() ? '0' : '1' },
    });
  }

  createKvStore(shape: KvShape, rows: number, capacity: number, slots: number): KvStore {
    return new HostKvStore(shape, rows, capacity, slots, this.kvType);
  }

  stage<D extends TensorData>(type: ElementTypeName, data: D, dims: readonly number[]): StagedTensor<D> {
    return new HostTensor(type, data, dims);
  }

  turn<T>(work: () => Promise<T>): Promise<T> {
    return work();
  }

  bindCaptured(session: Session): IoBinding {
    return new IoBinding(session);
  }
}
