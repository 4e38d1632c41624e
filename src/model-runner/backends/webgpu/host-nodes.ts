import { StartupError } from '../../../core/errors';
import type { NodeTraits } from '../../../models/graph/graph-builder';

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
    // Keys and values that are gone after the run allow no prompt in pieces.
    ...(runTokens < Infinity ? (traits['uncached-attention'] ?? []) : []),
  ];
}
