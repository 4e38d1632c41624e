import { z } from 'zod';
import { quote } from '../../checkpoint/model-files';
import { SCORE_ACTIVATIONS, type Labels, type ScoreActivation } from '../../core/model-facts';
import type { ConfigFile } from './config-file';
import { object, text, whole } from './fields';

const schema = z.object({
  id2label: object.nullish(),
  num_labels: whole(1, 2 ** 16).nullish(),
  sbert_ce_default_activation_function: text.nullish(),
});

/** Of a config that says nothing, as transformers has it. */
const DEFAULT_COUNT = 2;

/**
 * Reads a classifier's labels. Scores are raw unless `sbert_ce_default_activation_function` names a function, as in SGLang;
 * sentence-transformers would put a single one through a sigmoid by itself.
 * @throws StartupError of one line for names that do not fit, or an unknown function
 */
export function readLabels(file: ConfigFile, defaultCount = DEFAULT_COUNT): Labels {
  const own = file.read(schema);
  const stated = own.id2label ?? null;
  const count = own.num_labels ?? (stated === null ? defaultCount : Object.keys(stated).length);
  const names = Array.from({ length: count }, (_, id) => {
    const name = stated?.[String(id)] ?? `LABEL_${id}`;
    if (typeof name === 'string') return name;
    throw file.refusal(`'id2label' must name each label with a text`);
  });
  if (count === 0) throw file.refusal(`'id2label' is empty`);
  const activation = own.sbert_ce_default_activation_function?.split('.').at(-1) ?? 'Identity';
  if (isActivation(activation)) return { names, activation };
  throw file.refusal(
    `'sbert_ce_default_activation_function' ${quote(activation)} is not supported (${SCORE_ACTIVATIONS.join(', ')} are)`,
  );
}

function isActivation(name: string): name is ScoreActivation {
  return SCORE_ACTIVATIONS.some((known) => known === name);
}
