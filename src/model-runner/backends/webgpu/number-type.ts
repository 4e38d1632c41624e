import type { ServerArgs } from '../../../server-args/server-args';

/** Types that the provider computes in. */
export type WebGpuType = 'float32' | 'float16';

/**
 * The type a model is to be computed in. auto is float16 for checkpoints in it, and float32 for all others, which it holds without loss:
 * what bfloat16 holds may be beyond float16's range, and then nothing of meaning comes out.
 * @param asked by --dtype
 * @param stored type of the checkpoint, as its config calls it
 */
export function webGpuNumberType(asked: ServerArgs['dtype'], stored: string): WebGpuType {
  switch (asked) {
    case 'half':
    case 'float16':
      return 'float16';
    case 'float':
    case 'float32':
    case 'bfloat16':
      return 'float32';
    case 'auto':
      return stored === 'float16' ? 'float16' : 'float32';
  }
}
