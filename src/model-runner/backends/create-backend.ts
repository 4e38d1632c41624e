import { assertNever } from '../../core/errors';
import type { Backend } from './backend';
import { CpuBackend } from './cpu/cpu-backend';
import { CudaBackend } from './cuda/cuda-backend';
import type { Device } from './devices';

/** @param deviceId ordinal among the devices of a kind (`--base-gpu-id`) */
export function createBackend(device: Device, deviceId: number): Backend {
  switch (device) {
    case 'cpu':
      return new CpuBackend();
    case 'cuda':
      return new CudaBackend(deviceId);
    default:
      return assertNever(device);
  }
}
