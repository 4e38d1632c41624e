import { tmpdir } from 'node:os';
import { StartupError, assertNever } from '../core/errors';
import { appendCudaProvider, type CudaOptions } from './cuda/cuda-provider';
import { OrtError, ortLibrary, type Pointer } from './library';

/** The WebGPU provider, which is part of the library. It takes the adapter that the system prefers. */
export interface WebGpuOptions {
  readonly name: 'webgpu';
  /** Names of the nodes that run on the CPU though the provider has kernels for them. */
  readonly hostNodes: readonly string[];
  /** Whether runs can be captured. */
  readonly enableGraphCapture?: boolean;
}

export type ProviderOptions = CudaOptions | WebGpuOptions;

/** Entry of run options: the number of the graph that a run is captured as, or replayed from; -1 for neither. */
export const GRAPH_ID = 'gpu_graph_id';

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

function appendWebGpuProvider(
  sessionOptions: Pointer,
  { hostNodes, enableGraphCapture = false }: WebGpuOptions,
): void {
  // The provider asks for a display on its way; without this folder two lines that look like errors come of that.
  process.env['XDG_RUNTIME_DIR'] ??= tmpdir();
  const entries = [
    ...(hostNodes.length === 0 ? [] : [['forceCpuNodeNames', hostNodes.join('\n')] as const]),
    ...(enableGraphCapture ? [['enableGraphCapture', '1'] as const] : []),
  ];
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
    ? 'it needs a Vulkan driver and libvulkan.so.1; on Debian and Ubuntu: apt-get install libvulkan1 mesa-vulkan-drivers, ' +
      'on Debian 12 with -t bookworm-backports'
    : 'it needs a driver of the GPU that offers Direct3D 12 or Metal';
