import { StartupError } from '../../../core/errors';
import type { NodeTraits } from '../../../models/graph/graph-builder';
import type { Model } from '../../../models/model';

/**
 * The nodes of a model that are left to the CPU, because the provider's kernels do not compute them, or not right.
 * @param runTokens tokens of a row that the device's attention computes in one run
 * @throws StartupError for a model that would have to copy its keys and values to the CPU and back
 */
export function hostNodes(traits: NodeTraits, runTokens: number): readonly string[] {
  if (traits['capped-attention'] !== undefined) {
    throw new StartupError(
      '--device webgpu: this model caps the scores of its attention (attn_logit_softcapping), which ONNX Runtime has no kernel for there; ' +
        'serve it with --device cpu',
    );
  }
  return [
    // The table may be of a type that the device has not, and larger than a kernel can see; a row of it for each token is little.
    ...(traits.embedding ?? []),
    ...(traits['bidirectional-attention'] ?? []),
    // Where runs are captured the provider takes these, too, with a copy to the host and back.
    ...(traits.shape ?? []),
    // Keys and values that are gone after the run allow no prompt in pieces.
    ...(runTokens < Infinity ? (traits['uncached-attention'] ?? []) : []),
  ];
}

/**
 * Whether decode steps of a model can be captured. How many rows an expert gets is known on the host alone, in the middle of a run; and in
 * captured runs the provider's attention forgets its window: whether one is full it asks the host's length, which is not told then.
 */
export function isCapturable({ purpose, routers, hasWindows }: Model): boolean {
  return purpose === 'generation' && (routers ?? null) === null && hasWindows !== true;
}
