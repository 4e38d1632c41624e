import { z } from 'zod';
import type { ConfigFile } from './config-file';
import { bool, dimension, whole } from './fields';

/** The experts of one layer: MLPs of which each token goes through a few, chosen by a router. */
export interface Experts {
  readonly count: number;
  /** How many a token goes through, at most `count`. */
  readonly chosen: number;
  readonly intermediateSize: number;
  /** What the chosen weigh adds up to 1; otherwise they weigh what they do among all. */
  readonly normalized: boolean;
  /** Width of an expert that every token goes through as well, behind a gate of its own; null where there is none. */
  readonly sharedIntermediateSize: number | null;
  readonly names: ExpertNames;
}

/** Names of weights; `block` is relative to the layer, the others to one expert. */
export interface ExpertNames {
  readonly block: string;
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** As in the MLP that the experts stand for. */
const MLP_NAMES: ExpertNames = { block: 'mlp', gate: 'gate_proj', up: 'up_proj', down: 'down_proj' };

/** The routers of a whole model. */
export interface Routers {
  /** Layers of the model, those without experts included. */
  readonly numLayers: number;
  /** Experts of the layer that has most of them. */
  readonly numExperts: number;
  /** The layers that have experts, ascending. */
  readonly layers: readonly RoutedLayer[];
}

export interface RoutedLayer {
  /** Its place in the model, from 0. */
  readonly layer: number;
  readonly experts: number;
  /** How many of them a token goes through. */
  readonly chosen: number;
}

/** @returns null where no layer has experts */
export function routersOf(experts: readonly (Experts | null)[], numLayers: number): Routers | null {
  const layers = experts.flatMap((own, layer) =>
    own === null ? [] : [{ layer, experts: own.count, chosen: own.chosen }],
  );
  if (layers.length === 0) return null;
  return { numLayers, numExperts: Math.max(...layers.map((own) => own.experts)), layers };
}

/** What a family's configs mean by fields that they leave out. */
export interface ExpertDefaults {
  readonly count: number;
  readonly chosen: number;
  /** null: a config must say, and says it in `intermediate_size`. */
  readonly intermediateSize: number | null;
  /** A number says that the family has a shared expert. */
  readonly sharedIntermediateSize?: number;
  /** For a family that has no `norm_topk_prob`. */
  readonly normalized?: boolean;
  readonly names?: ExpertNames;
}

const size = whole(1, 4096);
const fields = z.object({
  num_experts: whole(0, 4096).nullish(),
  num_local_experts: whole(0, 4096).nullish(),
  num_experts_per_tok: size.nullish(),
  moe_intermediate_size: dimension.nullish(),
  shared_expert_intermediate_size: dimension.nullish(),
  norm_topk_prob: bool.nullish(),
  decoder_sparse_step: size.nullish(),
  mlp_only_layers: z
    .custom<number[]>((value) => Array.isArray(value) && value.every((item) => Number.isSafeInteger(item)), {
      error: 'a list of layers',
    })
    .nullish(),
});

/**
 * The experts of each layer; null for a layer with an MLP: those of `mlp_only_layers`, and all but every
 * `decoder_sparse_step`-th.
 * @throws StartupError for more experts a token than there are
 */
export function readExperts(config: ConfigFile, defaults: ExpertDefaults): (Experts | null)[] {
  const own = config.read(fields);
  const layers = Array.from({ length: config.fields.num_hidden_layers }, (_, layer) => layer);
  const count = own.num_experts ?? own.num_local_experts ?? defaults.count;
  if (count === 0) return layers.map(() => null);
  const chosen = own.num_experts_per_tok ?? defaults.chosen;
  if (chosen > count) {
    throw config.refusal(`'num_experts_per_tok' must be at most the number of experts ${count}, found ${chosen}`);
  }
  const shared = defaults.sharedIntermediateSize;
  const experts: Experts = {
    count,
    chosen,
    intermediateSize:
      defaults.intermediateSize === null
        ? config.fields.intermediate_size
        : (own.moe_intermediate_size ?? defaults.intermediateSize),
    normalized: defaults.normalized ?? own.norm_topk_prob ?? false,
    sharedIntermediateSize: shared === undefined ? null : (own.shared_expert_intermediate_size ?? shared),
    names: defaults.names ?? MLP_NAMES,
  };
  const dense = new Set(own.mlp_only_layers ?? []);
  const step = own.decoder_sparse_step ?? 1;
  return layers.map((layer) => (dense.has(layer) || (layer + 1) % step !== 0 ? null : experts));
}
