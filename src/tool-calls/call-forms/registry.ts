import type { ToolParserName } from '../registry';
import type { CallForm } from './call-form';
import {
  DEEPSEEK_V3,
  DEEPSEEK_V31,
  HERMES,
  INTERNS1,
  KIMI_K2,
  LLAMA3,
  MISTRAL,
  MISTRAL_LIST,
} from './json-forms';
import { DEEPSEEK_V32, GLM45, GLM47, MIMO, MINIMAX_M2, QWEN3_CODER, STEP3 } from './xml-forms';

/**
 * The formats whose calls a grammar can describe. `gigachat3` has another mark in each of its models; arguments of `lfm2` and
 * `pythonic` are Python's; calls of `gpt-oss` stand in a channel of their own, and a grammar begins in that of the answer.
 */
const FORMS: Readonly<Partial<Record<ToolParserName, CallForm>>> = {
  deepseekv3: DEEPSEEK_V3,
  deepseekv31: DEEPSEEK_V31,
  deepseekv32: DEEPSEEK_V32,
  glm: GLM45,
  glm45: GLM45,
  glm47: GLM47,
  hermes: HERMES,
  interns1: INTERNS1,
  kimi_k2: KIMI_K2,
  llama3: LLAMA3,
  mimo: MIMO,
  'minimax-m2': MINIMAX_M2,
  mistral: MISTRAL_LIST,
  qwen: HERMES,
  qwen25: HERMES,
  qwen3_coder: QWEN3_CODER,
  step3: STEP3,
  step3p5: QWEN3_CODER,
  trinity: HERMES,
};

/**
 * @param template the chat template, which says which of two forms a model of Mistral's was taught
 * @returns null where no grammar can describe the format
 */
export function callForm(parser: ToolParserName | null, template: string): CallForm | null {
  if (parser === 'mistral' && template.includes('[ARGS]')) return MISTRAL;
  return (parser && FORMS[parser]) ?? null;
}
