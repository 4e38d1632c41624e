import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { StartupError } from '../../../core/errors';
import { Session } from '../../../onnxruntime/session';
import { CpuBackend } from '../cpu/cpu-backend';
import type { MemoryBudget } from '../backend';

/**
 * ONNX Runtime's CUDA provider over keys, values and step tensors in host memory, which each run copies: correct in what it
 * asks of the provider, but not yet fast, and never run on a GPU.
 */
export class CudaBackend extends CpuBackend {
  override readonly graphName = 'cuda graph';
  override readonly memory: MemoryBudget = {
    ...new CpuBackend().memory,
    freeBytes: () => Math.min(freeGpuBytes(this.deviceId), process.availableMemory()),
  };

  /** @param deviceId ordinal of the GPU */
  constructor(private readonly deviceId: number) {
    super();
  }

  override createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session> {
    return Session.create(graph, {
      intraOpThreads: availableParallelism(),
      externalDataFolder,
      cuda: { deviceId: this.deviceId, memoryLimit: null, enableCudaGraph: false },
    });
  }
}

/** @throws StartupError when the driver does not say */
function freeGpuBytes(deviceId: number): number {
  try {
    const answer = execFileSync(
      'nvidia-smi',
      [`--id=${deviceId}`, '--query-gpu=memory.free', '--format=csv,noheader,nounits'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 },
    );
    const mebibytes = Number.parseInt(answer, 10);
    if (!Number.isNaN(mebibytes)) return mebibytes * 2 ** 20;
  } catch {
    // Said below: whatever went wrong, the answer is missing.
  }
  throw new StartupError(`nvidia-smi does not tell how much memory GPU ${deviceId} has free`);
}
