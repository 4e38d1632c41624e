import type { BlockedForm } from '../../checkpoint/quantization/quantized-weight';
import type { GraphBuilder, Value } from '../graph/graph-builder';
import { unquantized, type LinearMethod, type Projection } from './linear-method';
import { blockProducts } from './quantized-linear';

/**
 * Weights as a GGUF file has them: each tensor in blocks of a type of its own, or in floats. Blocks are multiplied as they are. Parts
 * of a projection that lie in the same form are one product.
 */
export const ggufLinear: LinearMethod = {
  apply: (g, x, projection) =>
    sideBySide(
      g,
      runsOf(g, projection).map((run) => run.method.apply(g, x, partsOf(projection, run))),
    ),
  // The experts of a layer are stored alike: they are one tensor.
  applyEach: (g, x, counts, projections) =>
    sideBySide(
      g,
      runsOf(g, projections[0] as Projection).map((run) =>
        run.method.applyEach(
          g,
          x,
          counts,
          projections.map((projection) => partsOf(projection, run)),
        ),
      ),
    ),
};

/** Parts that follow one another and lie in the same form. */
interface Run {
  readonly method: LinearMethod;
  readonly first: number;
  readonly end: number;
}

function runsOf(g: GraphBuilder, { parts, inputs }: Projection): readonly Run[] {
  const forms = parts.map(({ name, outputs }) => g.blockedForm(`${name}.weight`, [outputs, inputs]));
  const keys = forms.map((form) => JSON.stringify(form));
  const starts = keys.flatMap((key, at) => (key === keys[at - 1] ? [] : [at]));
  return starts.map((first, at) => {
    const form = forms[first] ?? null;
    return { method: form === null ? unquantized : blocks(form), first, end: starts[at + 1] ?? parts.length };
  });
}

function partsOf(projection: Projection, { first, end }: Run): Projection {
  return { ...projection, parts: projection.parts.slice(first, end) };
}

function sideBySide(g: GraphBuilder, products: readonly Value[]): Value {
  return products.length === 1 ? (products[0] as Value) : g.node('Concat', products, { attributes: { axis: 1 } });
}

function blocks(form: BlockedForm): LinearMethod {
  return blockProducts(form, (g, { parts, inputs }) =>
    g.blockedWeight(
      form,
      parts.map(({ name, outputs }) => ({ name: `${name}.weight`, shape: [outputs, inputs] })),
    ),
  );
}
