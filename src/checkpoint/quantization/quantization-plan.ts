import { layOut } from './quantized-file';
import type { QuantizedTensors, QuantizedWeight } from './quantized-weight';

/** Notes what a graph wants quantized, before anything is. What it answers with lies nowhere. */
export class QuantizationPlan {
  private readonly planned = new Map<string, QuantizedWeight>();

  get weights(): readonly QuantizedWeight[] {
    return [...this.planned.values()];
  }

  tensors(weight: QuantizedWeight): QuantizedTensors {
    this.planned.set(weight.name, weight);
    return layOut('/quantized', [weight]).tensors[0] as QuantizedTensors;
  }
}
