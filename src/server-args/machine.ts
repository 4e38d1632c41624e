import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';

import { bundledModelPath } from '../core/package';
import type { ParsedFlags } from './parse';

/** What the defaults depend on besides the command line. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Memory of the GPU in MiB; null without one, or when it is unknown. */
  readonly cudaMemoryMiB: number | null;
  /** The seed in place of --random-seed. */
  readonly drawnSeed: number;
  /** The checkpoint in place of --model-path. */
  readonly bundledModelPath: string;
}

/** SGLang's seeds lie in [0, 2^30]. */
const LARGEST_SEED = 2 ** 30;

/** Reads the machine. A GPU is looked for only when the flags ask for one. */
export function readMachine({ values }: ParsedFlags): Machine {
  return {
    env: process.env,
    cudaMemoryMiB: values.device === 'cuda' ? readGpuMemoryMiB(values.baseGpuId) : null,
    drawnSeed: randomInt(LARGEST_SEED + 1),
    bundledModelPath: bundledModelPath(),
  };
}

/** Asks the NVIDIA driver; null when there is none. Whether the GPU can be used is for ONNX Runtime to say. */
function readGpuMemoryMiB(gpuId: number): number | null {
  try {
    const answer = execFileSync(
      'nvidia-smi',
      [`--id=${gpuId}`, '--query-gpu=memory.total', '--format=csv,noheader,nounits'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 },
    );
    const memory = Number.parseInt(answer, 10);
    return Number.isNaN(memory) ? null : memory;
  } catch {
    return null;
  }
}
