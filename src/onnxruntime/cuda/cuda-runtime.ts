import koffi from 'koffi';
import { StartupError } from '../../core/errors';
import { openLibrary } from '../../core/native-library';
import type { Pointer } from '../library';

/** Where a copy begins and ends: the numbers of `cudaMemcpyKind`. */
export const CopyKind = { toDevice: 1, toHost: 2 } as const;

export type CopyDirection = keyof typeof CopyKind;

/** The functions of NVIDIA's runtime library that are used here. All but `cudaGetErrorString` return 0, or what went wrong. */
const FUNCTIONS = {
  cudaGetErrorString: 'const char *cudaGetErrorString(int)',
  cudaDriverGetVersion: 'int cudaDriverGetVersion(_Out_ int *)',
  cudaGetDeviceCount: 'int cudaGetDeviceCount(_Out_ int *)',
  cudaSetDevice: 'int cudaSetDevice(int)',
  cudaDeviceGetAttribute: 'int cudaDeviceGetAttribute(_Out_ int *, int, int)',
  cudaMemGetInfo: 'int cudaMemGetInfo(_Out_ size_t *, _Out_ size_t *)',
  cudaStreamCreateWithFlags: 'int cudaStreamCreateWithFlags(_Out_ void **, unsigned int)',
  cudaStreamSynchronize: 'int cudaStreamSynchronize(void *)',
  cudaMemcpyAsync: 'int cudaMemcpyAsync(void *, void *, size_t, int, void *)',
  cudaHostAlloc: 'int cudaHostAlloc(_Out_ void **, size_t, unsigned int)',
  cudaHostRegister: 'int cudaHostRegister(void *, size_t, unsigned int)',
  cudaHostUnregister: 'int cudaHostUnregister(void *)',
} as const;

type FunctionName = keyof typeof FUNCTIONS;

/** Codes of `cudaError_t` that are told apart. */
const OUT_OF_MEMORY = 2;
const DRIVER_TOO_OLD = 35;
const NO_DEVICE = 100;
const NO_DRIVER_LIBRARY = 36;

/** What the runtime library refused; most of these are for good: the device is lost to the process. */
export class CudaError extends Error {
  override readonly name = 'CudaError';

  constructor(
    functionName: string,
    readonly code: number,
    message: string,
  ) {
    super(`${functionName}: ${message}`);
  }

  get isOutOfMemory(): boolean {
    return this.code === OUT_OF_MEMORY;
  }
}

/** Bytes of a device's memory. */
export interface DeviceBytes {
  readonly free: number;
  readonly total: number;
}

/**
 * One stream of one GPU: what is put on it happens in order, together with the runs of the sessions that use it. Calls return
 * when the work is on the stream; `finished` tells when it is done. Its device is that of the thread it was made on.
 */
export interface CudaStream {
  /** Ordinal of the device. */
  readonly deviceId: number;
  /** Major number of its compute capability: 8 and above compute in bfloat16. */
  readonly capability: number;
  /** `cudaStream_t` */
  readonly handle: Pointer;
  memory(): DeviceBytes;
  /** @throws CudaError */
  copy(to: Pointer, from: Pointer, bytes: number, direction: CopyDirection): void;
  /** Memory of the host that does not move and that the device can reach by itself, for the life of the process. @throws CudaError */
  allocateHost(bytes: number): { readonly address: Pointer; readonly buffer: ArrayBuffer };
  /** Makes memory of the host such. @throws CudaError */
  pin(address: Pointer, bytes: number): void;
  unpin(address: Pointer): void;
  /** Rejects when something on the stream has failed. */
  finished(): Promise<void>;
}

/**
 * Opens a GPU.
 * @param major of the CUDA release that the provider was built for
 * @throws StartupError of one line that says what was found and what is needed
 */
export function openCudaStream(major: number, deviceId: number): CudaStream {
  const runtime = new Runtime(major);
  const driver = runtime.number('cudaDriverGetVersion');
  if (driver < major * 1000) {
    const found =
      driver === 0 ? 'no NVIDIA driver was found' : `this machine's driver is for CUDA ${versionOf(driver)}`;
    throw new StartupError(`--device cuda needs an NVIDIA driver for CUDA ${major} or newer: ${found}`);
  }
  const devices = runtime.number('cudaGetDeviceCount');
  if (deviceId >= devices) {
    throw new StartupError(`--base-gpu-id: there is no GPU ${deviceId}; this machine has ${gpus(devices)}`);
  }
  runtime.call('cudaSetDevice', deviceId);
  const handle = runtime.pointer('cudaStreamCreateWithFlags', NON_BLOCKING);
  const capability = runtime.number('cudaDeviceGetAttribute', CAPABILITY_MAJOR, deviceId);
  return new Stream(runtime, deviceId, capability, handle);
}

/** `cudaStreamNonBlocking`: nothing on the default stream is waited for. */
const NON_BLOCKING = 1;

/** `cudaDevAttrComputeCapabilityMajor` */
const CAPABILITY_MAJOR = 75;

/** For any device of the process. */
const PORTABLE = 1;

function versionOf(number: number): string {
  return `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;
}

function gpus(count: number): string {
  return count === 1 ? 'one, GPU 0' : `${count}, GPU 0 to GPU ${count - 1}`;
}

class Stream implements CudaStream {
  constructor(
    private readonly runtime: Runtime,
    readonly deviceId: number,
    readonly capability: number,
    readonly handle: Pointer,
  ) {}

  memory(): DeviceBytes {
    const [free, total] = [[0], [0]] as [[number], [number]];
    this.runtime.call('cudaMemGetInfo', free, total);
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  copy(to: Pointer, from: Pointer, bytes: number, direction: CopyDirection): void {
    this.runtime.call('cudaMemcpyAsync', to, from, bytes, CopyKind[direction], this.handle);
  }

  allocateHost(bytes: number): { address: Pointer; buffer: ArrayBuffer } {
    const out: [Pointer | null] = [null];
    this.runtime.call('cudaHostAlloc', out, bytes, PORTABLE);
    const address = out[0] as Pointer;
    return { address, buffer: koffi.view(address, bytes) };
  }

  pin(address: Pointer, bytes: number): void {
    this.runtime.call('cudaHostRegister', address, bytes, PORTABLE);
  }

  unpin(address: Pointer): void {
    this.runtime.call('cudaHostUnregister', address);
  }

  finished(): Promise<void> {
    return this.runtime.callAsync('cudaStreamSynchronize', this.handle);
  }
}

type NativeFunction = ((...args: unknown[]) => unknown) & { async: (...args: unknown[]) => void };

/** NVIDIA's runtime library of one release. The system finds it, as it does for the provider. */
class Runtime {
  private readonly functions: ReadonlyMap<FunctionName, NativeFunction>;

  /** @throws StartupError */
  constructor(major: number) {
    const name = `libcudart.so.${major}`;
    try {
      const library = openLibrary(name);
      this.functions = new Map(
        (Object.keys(FUNCTIONS) as FunctionName[]).map((key) => [
          key,
          library.func(FUNCTIONS[key]) as NativeFunction,
        ]),
      );
    } catch {
      throw new StartupError(`--device cuda needs the libraries of CUDA ${major}: ${name} was not found`);
    }
  }

  /** @throws CudaError; StartupError where there is nothing to call */
  call(name: FunctionName, ...args: unknown[]): void {
    this.check(name, this.get(name)(...args) as number);
  }

  /** Calls a function that fills in a number, its first argument. */
  number(name: FunctionName, ...args: unknown[]): number {
    const out: [number] = [0];
    this.call(name, out, ...args);
    return Number(out[0]);
  }

  /** Calls a function that fills in a pointer, its first argument. */
  pointer(name: FunctionName, ...args: unknown[]): Pointer {
    const out: [Pointer | null] = [null];
    this.call(name, out, ...args);
    return out[0] as Pointer;
  }

  async callAsync(name: FunctionName, ...args: unknown[]): Promise<void> {
    const code = await new Promise<number>((resolve, reject) => {
      this.get(name).async(...args, (error: Error | null, result: number) =>
        error ? reject(error) : resolve(result),
      );
    });
    this.check(name, code);
  }

  private get(name: FunctionName): NativeFunction {
    return this.functions.get(name) as NativeFunction;
  }

  private check(name: FunctionName, code: number): void {
    if (code === 0) return;
    const message = this.get('cudaGetErrorString')(code) as string;
    if (code === DRIVER_TOO_OLD || code === NO_DEVICE || code === NO_DRIVER_LIBRARY) {
      throw new StartupError(`--device cuda finds no GPU that it can use: ${message}`);
    }
    throw new CudaError(name, code, message);
  }
}
