import { StartupError } from '../core/errors';
import { quote } from '../checkpoint/model-files';
import { ConfigFile } from './config/config-file';
import { readMatryoshka } from './config/vector-facts';
import { bert } from './families/bert';
import { gemma2 } from './families/gemma2';
import { gemma3 } from './families/gemma3';
import { granite } from './families/granite';
import { llama } from './families/llama';
import { mistral } from './families/mistral';
import { mixtral } from './families/mixtral';
import { olmo2 } from './families/olmo2';
import { olmoe } from './families/olmoe';
import { phi3 } from './families/phi3';
import { qwen2 } from './families/qwen2';
import { qwen2Moe } from './families/qwen2-moe';
import { qwen3 } from './families/qwen3';
import { qwen3Moe } from './families/qwen3-moe';
import { roberta } from './families/roberta';
import { smollm3 } from './families/smollm3';
import { linearMethodOf } from './layers/linear-methods';
import type { Family, Model, Purpose } from './model';

/** All model families. */
const FAMILIES: readonly Family[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma2,
  gemma3,
  phi3,
  granite,
  olmo2,
  smollm3,
  mixtral,
  qwen2Moe,
  qwen3Moe,
  olmoe,
  bert,
  roberta,
];

/**
 * Reads a model folder's config.json as the family of its architecture understands it.
 * @param overrides of --json-model-override-args; each replaces a field of config.json
 * @param purpose what was asked for; see `Model.purpose`
 * @param quantization what weights in a floating-point type are made into; see `linearMethodOf`
 * @throws StartupError of one line for an unknown architecture, one that cannot serve the purpose, or a wrong config
 */
export function readModel(
  dir: string,
  overrides: Readonly<Record<string, unknown>>,
  purpose: Purpose,
  quantization: string | null = null,
): Model {
  const config = new ConfigFile(dir, overrides);
  const [architecture] = config.fields.architectures;
  const family = FAMILIES.find((family) => namesOf(family).includes(architecture));
  if (!family) {
    throw config.refusal(
      `architecture ${quote(architecture)} is not supported (supported: ${FAMILIES.flatMap(namesOf).join(', ')})`,
    );
  }
  if (purpose === 'generation' && family.bodies?.includes(architecture)) {
    throw new StartupError(
      `${config.file}: ${architecture} has no vocabulary projection, so it gives vectors only: serve it with --is-embedding`,
    );
  }
  const model = family.read(config);
  const head = family.classifiers?.[architecture]?.(config) ?? null;
  const isEmbedder = model.pooling !== undefined || head !== null;
  const served = isEmbedder ? 'embedding' : purpose;
  const matryoshka = served === 'embedding' && head === null ? readMatryoshka(config) : null;
  return { ...model, linear: linearMethodOf(config, quantization), head, matryoshka, purpose: served };
}

function namesOf(family: Family): readonly string[] {
  return [...family.architectures, ...(family.bodies ?? []), ...Object.keys(family.classifiers ?? {})];
}
