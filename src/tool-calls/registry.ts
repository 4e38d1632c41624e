import { deepseekV3, deepseekV31 } from './formats/deepseek';
import { glm } from './formats/glm';
import { gptOss } from './formats/gpt-oss';
import { hermes } from './formats/hermes';
import { jsonArray } from './formats/json-array';
import { kimiIds, kimiK2 } from './formats/kimi-k2';
import { lfm2 } from './formats/lfm2';
import { llama3 } from './formats/llama3';
import { mistral } from './formats/mistral';
import { pythonic } from './formats/pythonic';
import { qwen3Coder } from './formats/qwen3-coder';
import { parserOf, type ToolParserFactory } from './tool-parser';

/** The forms in which models write tool calls, by SGLang's names. Some names are of one form. */
export const TOOL_PARSERS = {
  deepseekv3: parserOf(deepseekV3),
  deepseekv31: parserOf(deepseekV31),
  glm: parserOf(glm),
  glm45: parserOf(glm),
  glm47: parserOf(glm),
  'gpt-oss': parserOf(gptOss),
  hermes: parserOf(hermes),
  kimi_k2: parserOf(kimiK2, kimiIds),
  lfm2: parserOf(lfm2),
  llama3: parserOf(llama3),
  mistral: parserOf(mistral),
  pythonic: parserOf(pythonic),
  qwen: parserOf(hermes),
  qwen25: parserOf(hermes),
  qwen3_coder: parserOf(qwen3Coder),
} as const satisfies Readonly<Record<string, ToolParserFactory>>;

export type ToolParserName = keyof typeof TOOL_PARSERS;

export const TOOL_PARSER_NAMES = Object.keys(TOOL_PARSERS) as ToolParserName[];

/** What a grammar makes of a model that has to call a tool, whatever its own form is; no choice of a user's. */
export const JSON_ARRAY_PARSER = parserOf(jsonArray);
