import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError, assertNever } from '../core/errors';
import { OrtError, nativeFolder, ortLibrary, type Pointer } from './library';

/** Options of the CUDA provider, as named by ONNX Runtime's documentation of `OrtCUDAProviderOptionsV2`. */
export interface CudaOptions {
  readonly name: 'cuda';
  readonly deviceId: number;
  /** Bytes the provider's arena may take; null leaves it unbounded. */
  readonly memoryLimit: number | null;
  readonly enableCudaGraph: boolean;
}

/** The WebGPU provider, which is part of the library. It takes the adapter that the system prefers. */
export interface WebGpuOptions {
  readonly name: 'webgpu';
  /** Names of the nodes that run on the CPU though the provider has kernels for them. */
  readonly hostNodes: readonly string[];
}

export type ProviderOptions = CudaOptions | WebGpuOptions;

/** @throws StartupError of one line when the device cannot be used */
export function appendProvider(sessionOptions: Pointer, options: ProviderOptions): void {
  switch (options.name) {
    case 'cuda':
      return appendCudaProvider(sessionOptions, options);
    case 'webgpu':
      return appendWebGpuProvider(sessionOptions, options);
    default:
      return assertNever(options);
  }
}

function appendWebGpuProvider(sessionOptions: Pointer, { hostNodes }: WebGpuOptions): void {
  const entries = hostNodes.length === 0 ? [] : [['forceCpuNodeNames', hostNodes.join('\n')] as const];
  const keys = entries.map(([key]) => key);
  const values = entries.map(([, value]) => value);
  try {
    ortLibrary().call(
      'SessionOptionsAppendExecutionProvider',
      sessionOptions,
      'WebGPU',
      keys,
      values,
      keys.length,
    );
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(`--device webgpu cannot be used: ${reasonOf(error)} (${INSTALL_DRIVER})`);
  }
}

/** The last sentence of what the provider says: before it comes the place in its source. */
function reasonOf({ message }: OrtError): string {
  const [line = ''] = message.split('\n');
  return line.replace(/^.* was false\. /, '').replace(/\.$/, '');
}

const INSTALL_DRIVER =
  process.platform === 'linux'
    ? 'it needs a Vulkan driver and libvulkan.so.1; on Debian and Ubuntu: apt-get install libvulkan1 mesa-vulkan-drivers'
    : 'it needs a driver of the GPU that offers Direct3D 12 or Metal';

const INSTALL_CUDA = 'npx sglang_install_cuda';

/** @throws StartupError that names the command which installs the provider, when its library is not there */
function appendCudaProvider(sessionOptions: Pointer, options: CudaOptions): void {
  const library = join(nativeFolder(), 'libonnxruntime_providers_cuda.so');
  if (!existsSync(library)) {
    throw new StartupError(
      `--device cuda needs ONNX Runtime's CUDA provider, which is not installed: ${INSTALL_CUDA}`,
    );
  }
  const ort = ortLibrary();
  const cuda = ort.create('CreateCUDAProviderOptions');
  try {
    const entries = cudaEntries(options);
    const keys = entries.map(([key]) => key);
    const values = entries.map(([, value]) => value);
    ort.call('UpdateCUDAProviderOptions', cuda, keys, values, entries.length);
    ort.call('SessionOptionsAppendExecutionProvider_CUDA_V2', sessionOptions, cuda);
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(
      `--device cuda cannot be used: ${error.message.split('\n')[0]} (install with: ${INSTALL_CUDA})`,
    );
  } finally {
    ort.release('ReleaseCUDAProviderOptions', cuda);
  }
}

function cudaEntries(options: CudaOptions): [key: string, value: string][] {
  const entries: [string, string][] = [
    ['device_id', String(options.deviceId)],
    ['enable_cuda_graph', options.enableCudaGraph ? '1' : '0'],
    ['arena_extend_strategy', 'kSameAsRequested'],
  ];
  if (options.memoryLimit !== null) entries.push(['gpu_mem_limit', String(options.memoryLimit)]);
  return entries;
}
