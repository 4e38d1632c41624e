import type { Routers } from '../../models/config/experts';
import type { PassRecord, PassTokens, Recording } from './recording';

/** SGLang's numbers of these kinds of passes. */
const FORWARD_MODES = { extend: 1, decode: 2, mixed: 3 } as const;
/** Places that SGLang has for the experts of a token in a layer; those that are not used hold -1. */
const PLACES = 8;

/** `layer,expert,count`, a line for each expert of each layer that has any. */
export function* csvText({ layers, numExperts }: Routers, { totals }: Recording): Generator<string> {
  yield 'layer,expert,count\n';
  for (const [row, { layer, experts }] of layers.entries()) {
    const own = totals.subarray(row * numExperts, row * numExperts + experts);
    yield Array.from(own, (count, expert) => `${layer},${expert},${count}\n`).join('');
  }
}

/** SGLang's record of a model's load: the counts of each pass, [passes, layers, experts]. */
export function* statText(routers: Routers, rank: number, recording: Recording): Generator<string> {
  yield `{"rank":${rank},"logical_count":[`;
  for (const [index, { counts }] of recording.passes.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(matrix(routers, counts))}`;
  }
  yield `],"average_utilization_rate_over_window":${recording.balancedness}}\n`;
}

/** SGLang's records of each pass; the tokens of a pass where they were recorded. A piece of text at a time. */
export function* detailText(routers: Routers, rank: number, recording: Recording): Generator<string> {
  yield '{"records":[';
  for (const [index, pass] of recording.passes.entries()) {
    if (index > 0) yield ',';
    yield `{"forward_pass_id":${pass.id},"rank":${rank},"gatherer_key":"primary",`;
    if (pass.tokens !== null) yield* tokensText(routers, pass.tokens);
    yield `"global_physical_count":${JSON.stringify(matrix(routers, pass.counts))}}`;
  }
  // Every expert lies where the model has it.
  const places = Array.from({ length: routers.numExperts }, (_, expert) => expert);
  const map = Array.from({ length: routers.numLayers }, () => places);
  yield `],"last_physical_to_logical_map":${JSON.stringify(map)}}\n`;
}

function* tokensText(routers: Routers, tokens: PassTokens): Generator<string> {
  const lengths = tokens.mode === 'decode' ? null : tokens.lengths;
  yield `"input_ids":[${tokens.ids.join()}],"positions":[${tokens.positions.join()}],`;
  yield `"extend_seq_lens":${JSON.stringify(lengths)},"forward_mode":${FORWARD_MODES[tokens.mode]},`;
  yield '"topk_ids_of_layer":[';
  const places = Math.max(PLACES, ...routers.layers.map(({ chosen }) => chosen));
  for (let layer = 0; layer < routers.numLayers; layer++) {
    yield `${layer === 0 ? '' : ','}${JSON.stringify(expertsOfLayer(routers, tokens, layer, places))}`;
  }
  yield '],"misc_objects":[],';
}

/** [tokens, places]; -1 where there is none. */
function expertsOfLayer(
  { layers }: Routers,
  { ids, experts }: PassTokens,
  layer: number,
  places: number,
): number[][] {
  const width = layers.reduce((sum, { chosen }) => sum + chosen, 0);
  let first = 0;
  for (const routed of layers) {
    if (routed.layer >= layer) break;
    first += routed.chosen;
  }
  const chosen = layers.find((routed) => routed.layer === layer)?.chosen ?? 0;
  return Array.from(ids, (_, token) => {
    const start = token * width + first;
    return [...experts.subarray(start, start + chosen), ...Array<number>(places - chosen).fill(-1)];
  });
}

/** [layers, experts], with layers that have none. */
function matrix({ layers, numLayers, numExperts }: Routers, counts: PassRecord['counts']): number[][] {
  const rows = Array.from({ length: numLayers }, () => Array<number>(numExperts).fill(0));
  layers.forEach(({ layer }, row) => {
    rows[layer] = [...counts.subarray(row * numExperts, (row + 1) * numExperts)];
  });
  return rows;
}
