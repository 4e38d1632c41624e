import { assertNever, StartupError } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';
import type { Backend } from './backend';
import { hostMemory } from './share';
import { CpuBackend } from './cpu/cpu-backend';
import { CudaBackend, openGpu, type CudaArgs } from './cuda/cuda-backend';
import { WebGpuBackend } from './webgpu/webgpu-backend';

type DeviceArgs = Pick<ServerArgs, 'device' | 'kvCacheDtype' | 'baseGpuId' | 'gpuIdStep' | 'dpSize'> &
  CudaArgs;

/**
 * The backend of one of `--dp-size` model runners: its part of the host, and where there are GPUs one of its own, counted from
 * `--base-gpu-id` in steps of `--gpu-id-step`.
 */
export function createBackend(args: DeviceArgs, rank: number): Backend {
  const { device, kvCacheDtype, baseGpuId, gpuIdStep, dpSize, disableCudaGraph } = args;
  if (kvCacheDtype === 'int8' && device !== 'cpu') {
    throw new StartupError(`--kv-cache-dtype int8 is for --device cpu, and this is --device ${device}`);
  }
  const share = { rank, of: dpSize };
  switch (device) {
    case 'cpu':
      return new CpuBackend(share, hostMemory(share, process), kvCacheDtype === 'int8' ? 'int8' : 'float32');
    case 'webgpu':
      return new WebGpuBackend(share, disableCudaGraph);
    case 'cuda':
      return new CudaBackend(openGpu(baseGpuId + rank * gpuIdStep), args, share);
    default:
      return assertNever(device);
  }
}
