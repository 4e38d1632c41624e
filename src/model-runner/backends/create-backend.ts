import { assertNever } from '../../core/errors';
import type { ServerArgs } from '../../server-args/server-args';
import type { Backend } from './backend';
import { CpuBackend } from './cpu/cpu-backend';
import { CudaBackend } from './cuda/cuda-backend';
import { WebGpuBackend } from './webgpu/webgpu-backend';

type DeviceArgs = Pick<ServerArgs, 'device' | 'baseGpuId' | 'gpuIdStep' | 'dpSize'>;

/**
 * The backend of one of `--dp-size` model runners: its part of the host, and where there are GPUs one of its own, counted from
 * `--base-gpu-id` in steps of `--gpu-id-step`.
 */
export function createBackend({ device, baseGpuId, gpuIdStep, dpSize }: DeviceArgs, rank: number): Backend {
  const share = { rank, of: dpSize };
  switch (device) {
    case 'cpu':
      return new CpuBackend(share);
    case 'webgpu':
      return new WebGpuBackend(share);
    case 'cuda':
      return new CudaBackend(baseGpuId + rank * gpuIdStep, share);
    default:
      return assertNever(device);
  }
}
