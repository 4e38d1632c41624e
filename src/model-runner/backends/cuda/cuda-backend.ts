import { execFileSync } from 'node:child_process';
import { StartupError } from '../../../core/errors';
import { Session } from '../../../onnxruntime/session';
import { CpuBackend } from '../cpu/cpu-backend';
import { hostMemory, threadsOf, type Share } from '../share';

/**
 * ONNX Runtime's CUDA provider over keys, values and step tensors in host memory, which each run copies: correct in what it
 * asks of the provider, but not yet fast, and never run on a GPU.
 */
export class CudaBackend extends CpuBackend {
  override readonly graphName = 'cuda graph';
  /**
   * @param deviceId ordinal of the GPU
   * @param share the part of the host it may use
   */
  constructor(
    private readonly deviceId: number,
    share: Share,
  ) {
    const hostBytes = hostMemory(share, process);
    super(share, () => Math.min(freeGpuBytes(deviceId), hostBytes()));
  }

  override createSession(graph: Uint8Array, externalDataFolder: string | null): Promise<Session> {
    return Session.create(graph, {
      intraOpThreads: threadsOf(this.share),
      externalDataFolder,
      provider: { name: 'cuda', deviceId: this.deviceId, memoryLimit: null, enableCudaGraph: false },
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
