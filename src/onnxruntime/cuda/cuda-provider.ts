import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../core/errors';
import { OrtError, nativeFolder, ortLibrary, type Pointer } from '../library';

/** Options of the CUDA provider, as named by ONNX Runtime's documentation of `OrtCUDAProviderOptionsV2`. */
export interface CudaOptions {
  readonly name: 'cuda';
  readonly deviceId: number;
  /** `cudaStream_t` that all runs are put on. */
  readonly stream: Pointer;
  /** Whether runs whose options name a graph are captured, and replayed from then on. */
  readonly enableCudaGraph: boolean;
}

/** Entry of run options: the run settles when all work is on the stream. */
export const DO_NOT_WAIT = 'disable_synchronize_execution_providers';

const INSTALL_CUDA = 'npx sglang_install_cuda';

/**
 * The release of CUDA that the installed provider was built for: the major number of the libraries it asks the system for.
 * @throws StartupError that names the command which installs the provider, when its library is not there
 */
export function cudaMajor(folder = nativeFolder()): number {
  const library = join(folder, 'libonnxruntime_providers_cuda.so');
  if (!existsSync(library)) {
    throw new StartupError(
      `--device cuda needs ONNX Runtime's CUDA provider, which is not installed: ${INSTALL_CUDA}`,
    );
  }
  const major = findInFile(library, /libcudart\.so\.(\d+)/);
  if (major === null) {
    throw new StartupError(`${library} is not ONNX Runtime's CUDA provider, or damaged: ${INSTALL_CUDA}`);
  }
  return Number(major);
}

/** Bytes read at a time, of which the last ones are read again with what follows. */
const PIECE_BYTES = 1 << 20;
const OVERLAP_BYTES = 64;

/** The first group of the first match; the names of needed libraries stand near the front of a library. */
function findInFile(path: string, pattern: RegExp): string | null {
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let at = 0; ; at += PIECE_BYTES - OVERLAP_BYTES) {
      const count = readSync(file, piece, 0, PIECE_BYTES, at);
      const found = pattern.exec(piece.toString('latin1', 0, count))?.[1];
      if (found !== undefined) return found;
      if (count < PIECE_BYTES) return null;
    }
  } finally {
    closeSync(file);
  }
}

/**
 * @param folder of the provider's library
 * @throws StartupError of one line that says what the provider needs
 */
export function appendCudaProvider(
  sessionOptions: Pointer,
  options: CudaOptions,
  folder = nativeFolder(),
): void {
  const major = cudaMajor(folder);
  const ort = ortLibrary();
  let cuda: Pointer | null = null;
  try {
    cuda = ort.create('CreateCUDAProviderOptions');
    const entries = cudaEntries(options);
    const keys = entries.map(([key]) => key);
    const values = entries.map(([, value]) => value);
    ort.call('UpdateCUDAProviderOptions', cuda, keys, values, entries.length);
    ort.call('SessionOptionsAppendExecutionProvider_CUDA_V2', sessionOptions, cuda);
  } catch (error) {
    if (!(error instanceof OrtError)) throw error;
    throw new StartupError(`--device cuda cannot be used: ${cudaReason(error.message, major)}`);
  } finally {
    if (cuda !== null) ort.release('ReleaseCUDAProviderOptions', cuda);
  }
}

/** What the provider says when it cannot be loaded, in terms of what to install. */
export function cudaReason(message: string, major: number): string {
  const [line = ''] = message.split('\n');
  const missing = /(lib[\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(line)?.[1];
  if (missing === undefined) return `${line} (install the provider with: ${INSTALL_CUDA})`;
  if (missing.startsWith('libcuda.')) return `${missing} is missing, which comes with the NVIDIA driver`;
  if (missing.startsWith('libcudnn'))
    return `${missing} is missing: the provider needs cuDNN for CUDA ${major}`;
  return `${missing} is missing: the provider needs the libraries of CUDA ${major}`;
}

function cudaEntries({ deviceId, stream, enableCudaGraph }: CudaOptions): [key: string, value: string][] {
  return [
    ['device_id', String(deviceId)],
    ['has_user_compute_stream', '1'],
    ['user_compute_stream', String(stream)],
    ['do_copy_in_default_stream', '1'],
    ['enable_cuda_graph', enableCudaGraph ? '1' : '0'],
    ['arena_extend_strategy', 'kSameAsRequested'],
    // Products in float32 are few, and for what must not be rounded further.
    ['use_tf32', '0'],
  ];
}
