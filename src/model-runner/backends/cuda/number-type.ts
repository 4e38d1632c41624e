import { StartupError } from '../../../core/errors';
import type { FloatType } from '../../../onnxruntime/element-type';
import type { ServerArgs } from '../../../server-args/server-args';

/** GPUs of this compute capability and above compute in bfloat16. */
const BFLOAT16_CAPABILITY = 8;

/**
 * The type a GPU computes in: attention has kernels for the types of 16 bits only.
 * @param asked by --dtype; auto is the checkpoint's own, and float16 where that is float32
 * @param stored type of the checkpoint, as its config calls it
 * @param capability major number of the GPU's compute capability
 * @throws StartupError of one line for what it cannot compute in
 */
export function cudaNumberType(asked: ServerArgs['dtype'], stored: string, capability: number): FloatType {
  switch (asked) {
    case 'half':
    case 'float16':
      return 'float16';
    case 'float':
    case 'float32':
      throw new StartupError(
        `--dtype ${asked}: attention on CUDA computes in float16 and bfloat16; use one of them, or --device cpu`,
      );
    case 'bfloat16':
      if (capability >= BFLOAT16_CAPABILITY) return 'bfloat16';
      throw new StartupError(
        `--dtype bfloat16 needs a GPU of compute capability 8.0 or above, and this one has ${capability}.x: use --dtype half`,
      );
    case 'auto':
      return stored === 'bfloat16' && capability >= BFLOAT16_CAPABILITY ? 'bfloat16' : 'float16';
  }
}
