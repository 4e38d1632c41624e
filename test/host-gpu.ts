import { setImmediate as nextTurn } from 'node:timers/promises';
import koffi from 'koffi';
import { openLibrary } from '../src/core/native-library';
import { CudaBackend, type CudaArgs, type Gpu } from '../src/model-runner/backends/cuda/cuda-backend';
import { WHOLE } from '../src/model-runner/backends/share';
import type { CopyDirection, CudaStream } from '../src/onnxruntime/cuda/cuda-runtime';
import type { ElementTypeName, FloatType, TensorData } from '../src/onnxruntime/element-type';
import { pinnedBuffer } from '../src/onnxruntime/tensor';
import type { Session } from '../src/onnxruntime/session';
import { mimePagedAttention } from './mimed-attention';

type Address = bigint;

/** What a stream was told, in order. */
export interface StreamCall {
  readonly call: CopyDirection | 'allocateHost' | 'pin' | 'unpin' | 'finished';
  readonly bytes: number;
}

/**
 * A GPU that this machine plays: its memory is the host's, sessions compute on the CPU, and copies happen when they are told.
 * All that a CUDA backend does is done, but for the work of CUDA itself.
 */
export class HostStream implements CudaStream {
  readonly deviceId = 0;
  readonly capability = 9;
  readonly handle = 1n;
  readonly calls: StreamCall[] = [];
  /** Once it is set everything fails, as on a GPU that was lost. */
  lost: Error | null = null;
  /** Bytes of the device. */
  total = 4 * 2 ** 30;
  taken = 0;
  private readonly buffers = new Map<Address, ArrayBuffer>();
  private readonly move = openLibrary(null).func('void *memmove(void *, void *, size_t)') as (
    to: Address,
    from: Address,
    bytes: number,
  ) => void;

  memory(): { free: number; total: number } {
    this.check();
    return { free: this.total - this.taken, total: this.total };
  }

  copy(to: Address, from: Address, bytes: number, direction: CopyDirection): void {
    this.note(direction, bytes);
    this.move(to, from, bytes);
  }

  allocateHost(bytes: number): { address: Address; buffer: ArrayBuffer } {
    this.note('allocateHost', bytes);
    const buffer = pinnedBuffer(bytes);
    const address = koffi.address(new Uint8Array(buffer));
    this.buffers.set(address, buffer);
    return { address, buffer };
  }

  pin(_address: Address, bytes: number): void {
    this.note('pin', bytes);
  }

  unpin(): void {
    this.note('unpin', 0);
  }

  /** Others get their turn meanwhile, as they would. */
  async finished(): Promise<void> {
    this.note('finished', 0);
    await nextTurn();
  }

  private note(call: StreamCall['call'], bytes: number): void {
    this.check();
    this.calls.push({ call, bytes });
  }

  private check(): void {
    if (this.lost !== null) throw this.lost;
  }
}

/** A CUDA backend on such a GPU. */
export class PlayedCuda extends CudaBackend {
  readonly stream: HostStream;

  /** @param type in place of what the GPU chooses; null leaves it the choice */
  constructor(
    private readonly forced: FloatType | null = null,
    args: CudaArgs = { memFractionStatic: 0.8, disableCudaGraph: false, pageSize: 256 },
  ) {
    const stream = new HostStream();
    const gpu: Gpu = { stream, provider: () => null, memoryName: 'Cpu' };
    super(gpu, args, WHOLE);
    this.stream = stream;
  }

  override createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session> {
    return super.createSession(mimePagedAttention(graph), externalDataFolder);
  }

  /** As a GPU would have it: sessions say that all inputs are on the host. */
  override stage<D extends TensorData>(type: ElementTypeName, data: D, dims: readonly number[]) {
    return super.stage(type, data, dims, 'device');
  }

  override get elementType(): FloatType {
    return this.forced ?? super.elementType;
  }
}
