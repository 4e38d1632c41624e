import koffi from 'koffi';
import type { CudaStream } from '../../../onnxruntime/cuda/cuda-runtime';
import type { DeviceMemory } from '../../../onnxruntime/device-memory';
import type { ElementTypeName, TensorData } from '../../../onnxruntime/element-type';
import type { Pointer } from '../../../onnxruntime/library';
import { tensorBytes, type Tensor } from '../../../onnxruntime/tensor';
import type { StagedTensor } from '../backend';
import { frontOf } from '../host-tensor';

/** From this size on the memory of the host side is pinned itself; below, a pinned copy of it is cheaper. */
const PIN_BYTES = 1 << 20;

/** Small tensors take memory of at least this size, so that most of them share a size. */
const SMALLEST_BYTES = 1024;

/** Memory of the device, and pinned memory of the host beside it where the tensor is small. */
interface Buffer {
  readonly device: Tensor;
  readonly address: Pointer;
  readonly pinned: { readonly address: Pointer; readonly buffer: ArrayBuffer } | null;
}

/**
 * Tensors that cross between host and device on a stream. Memory that was disposed of is used again: after the first steps of a size
 * nothing is allocated any more.
 */
export class Staging {
  private readonly vacant = new Map<number, Buffer[]>();

  constructor(
    private readonly memory: DeviceMemory,
    private readonly stream: CudaStream,
  ) {}

  /** @param data the host side; its memory never moves */
  stage<D extends TensorData>(type: ElementTypeName, data: D, dims: readonly number[]): StagedTensor<D> {
    const bytes = sizeOf(tensorBytes(type, dims));
    const buffer = this.vacant.get(bytes)?.pop() ?? this.allocate(bytes);
    if (buffer.pinned === null) this.stream.pin(koffi.address(data), data.byteLength);
    const giveBack = () => {
      if (buffer.pinned === null) this.stream.unpin(koffi.address(data));
      this.buffersOf(bytes).push(buffer);
    };
    return new CudaTensor(this.memory, this.stream, buffer, type, data, dims, giveBack);
  }

  private allocate(bytes: number): Buffer {
    const device = this.memory.allocate('uint8', [bytes]);
    const pinned = bytes < PIN_BYTES ? this.stream.allocateHost(bytes) : null;
    return { device, address: this.memory.addressOf(device), pinned };
  }

  private buffersOf(bytes: number): Buffer[] {
    let buffers = this.vacant.get(bytes);
    if (!buffers) this.vacant.set(bytes, (buffers = []));
    return buffers;
  }
}

/** The next power of two, so that small tensors of similar sizes can follow each other; large ones are few. */
function sizeOf(bytes: number): number {
  if (bytes >= PIN_BYTES) return bytes;
  return 2 ** Math.ceil(Math.log2(Math.max(bytes, SMALLEST_BYTES)));
}

class CudaTensor<D extends TensorData> implements StagedTensor<D> {
  readonly tensor: Tensor;
  private readonly bytes: number;

  /** @param giveBack lets go of the memory; null where it is another's */
  constructor(
    private readonly memory: DeviceMemory,
    private readonly stream: CudaStream,
    private readonly buffer: Buffer,
    private readonly type: ElementTypeName,
    readonly data: D,
    dims: readonly number[],
    private readonly giveBack: (() => void) | null,
  ) {
    this.tensor = memory.view(buffer.device, type, dims);
    this.bytes = this.tensor.bytes;
  }

  front(dims: readonly number[]): CudaTensor<D> {
    const { memory, stream, buffer, type, data } = this;
    return new CudaTensor(memory, stream, buffer, type, frontOf(data, dims), dims, null);
  }

  upload(): void {
    const { pinned } = this.buffer;
    if (pinned !== null)
      bytesOf(pinned.buffer, this.bytes).set(bytesOf(this.data.buffer, this.bytes, this.data.byteOffset));
    this.stream.copy(
      this.buffer.address,
      pinned?.address ?? koffi.address(this.data),
      this.bytes,
      'toDevice',
    );
    this.memory.traffic.uploads++;
    this.memory.traffic.uploadedBytes += this.bytes;
  }

  async download(): Promise<void> {
    const { pinned } = this.buffer;
    this.stream.copy(pinned?.address ?? koffi.address(this.data), this.buffer.address, this.bytes, 'toHost');
    this.memory.traffic.downloads++;
    this.memory.traffic.downloadedBytes += this.bytes;
    await this.stream.finished();
    if (pinned !== null)
      bytesOf(this.data.buffer, this.bytes, this.data.byteOffset).set(bytesOf(pinned.buffer, this.bytes));
  }

  dispose(): void {
    this.tensor.dispose();
    this.giveBack?.();
  }
}

function bytesOf(buffer: ArrayBufferLike, length: number, offset = 0): Uint8Array {
  return new Uint8Array(buffer, offset, length);
}
