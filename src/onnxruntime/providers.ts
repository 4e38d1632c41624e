import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../core/errors';
import { OrtError, nativeFolder, ortLibrary, type Pointer } from './library';

/** Options of the CUDA provider, as named by ONNX Runtime's documentation of `OrtCUDAProviderOptionsV2`. */
export interface CudaOptions {
  readonly deviceId: number;
  /** Bytes the provider's arena may take; null leaves it unbounded. */
  readonly memoryLimit: number | null;
  readonly enableCudaGraph: boolean;
}

const INSTALL_CUDA = 'npx sglang_install_cuda';

/** @throws StartupError that names the command which installs the provider, when its library is not there */
export function appendCudaProvider(sessionOptions: Pointer, options: CudaOptions): void {
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
