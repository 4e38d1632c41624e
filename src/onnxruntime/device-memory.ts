import { bug } from '../core/errors';
import { ElementType, type ElementTypeName } from './element-type';
import { ortEnv } from './environment';
import { ortLibrary, type Pointer } from './library';
import type { Session } from './session';
import { Tensor, tensorBytes } from './tensor';

/** What crossed between the host and a device, in copies that were asked for. */
export interface Traffic {
  uploads: number;
  uploadedBytes: number;
  downloads: number;
  downloadedBytes: number;
}

/**
 * Memory of a device, which the provider of a session hands out. Tensors in it serve every session of the same provider, for
 * as long as the one that they came of lives. Its provider takes one call at a time: none of these while anything runs.
 */
export class DeviceMemory {
  /** Since the start. */
  readonly traffic: Traffic = { uploads: 0, uploadedBytes: 0, downloads: 0, downloadedBytes: 0 };
  /** Bytes of the tensors that are allocated now. */
  bytes = 0;
  private readonly info: Pointer;
  private allocator: Pointer | null;

  /**
   * @param name of the memory, as the provider calls it: `WebGPU_Buffer`, `Cuda`, `Cpu`
   * @param deviceId ordinal of the device, as the provider counts
   * @throws OrtError when the session has no such memory
   */
  constructor(session: Session, name: string, deviceId = 0) {
    const DEVICE_ALLOCATOR = 0;
    const DEFAULT_MEMORY = 0;
    this.info = ortLibrary().create('CreateMemoryInfo', name, DEVICE_ALLOCATOR, deviceId, DEFAULT_MEMORY);
    this.allocator = ortLibrary().create('CreateAllocator', session.handle, this.info);
  }

  /** A tensor of its own; what it holds is not said. @throws OrtError when the memory does not suffice */
  allocate(type: ElementTypeName, dims: readonly number[]): Tensor {
    if (this.allocator === null) throw bug('device memory used after dispose');
    const pointer = ortLibrary().create(
      'CreateTensorAsOrtValue',
      this.allocator,
      BigInt64Array.from(dims, BigInt),
      dims.length,
      ElementType[type],
    );
    const bytes = tensorBytes(type, dims);
    this.bytes += bytes;
    return new Tensor(pointer, this, type, dims, () => (this.bytes -= bytes));
  }

  /**
   * Another tensor over the same memory, from the front. Memory of WebGPU is a handle, so that a tensor cannot begin in the middle.
   * @param byteOffset where it begins instead: only for devices whose memory is addresses
   */
  view(tensor: Tensor, type: ElementTypeName, dims: readonly number[], byteOffset = 0): Tensor {
    const bytes = tensorBytes(type, dims);
    if (byteOffset + bytes > tensor.bytes)
      throw bug(`view of ${bytes} bytes at ${byteOffset} of ${tensor.bytes}`);
    const start = ortLibrary().create('GetTensorMutableData', tensor.handle);
    const pointer = ortLibrary().create(
      'CreateTensorWithDataAsOrtValue',
      this.info,
      start + BigInt(byteOffset),
      bytes,
      BigInt64Array.from(dims, BigInt),
      dims.length,
      ElementType[type],
    );
    return new Tensor(pointer, tensor, type, dims);
  }

  /** Where a tensor begins, on devices whose memory is addresses. */
  addressOf(tensor: Tensor): Pointer {
    return ortLibrary().create('GetTensorMutableData', tensor.handle);
  }

  /**
   * Copies a tensor of the host to one of the device: runs that start from now on see it, and the host's may change again.
   * @throws OrtError when the device is lost
   */
  upload(from: Tensor, to: Tensor): void {
    checkSizes(from, to);
    ortLibrary().call('CopyTensors', ortEnv(), [from.handle], [to.handle], null, 1);
    this.traffic.uploads++;
    this.traffic.uploadedBytes += from.bytes;
  }

  /** Copies a tensor of the device to one of the host, on a worker thread, once the runs before have ended. */
  async download(from: Tensor, to: Tensor): Promise<void> {
    checkSizes(from, to);
    await ortLibrary().callAsync('CopyTensors', ortEnv(), [from.handle], [to.handle], null, 1);
    this.traffic.downloads++;
    this.traffic.downloadedBytes += from.bytes;
  }

  /** Its tensors must be gone. The session stays another's. */
  dispose(): void {
    if (this.allocator === null) return;
    ortLibrary().release('ReleaseAllocator', this.allocator);
    ortLibrary().release('ReleaseMemoryInfo', this.info);
    this.allocator = null;
  }
}

function checkSizes(from: Tensor, to: Tensor): void {
  if (from.bytes !== to.bytes) throw bug(`${from.bytes} bytes copied to ${to.bytes}`);
}
