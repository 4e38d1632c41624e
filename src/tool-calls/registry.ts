import { deepseekV3, deepseekV31 } from './formats/deepseek';
import { deepseekV32 } from './formats/deepseek-v32';
import { gigachat3 } from './formats/gigachat3';
import { glm } from './formats/glm';
import { gptOss } from './formats/gpt-oss';
import { hermes } from './formats/hermes';
import { internS1 } from './formats/interns1';
import { jsonArray } from './formats/json-array';
import { kimiIds, kimiK2 } from './formats/kimi-k2';
import { lfm2 } from './formats/lfm2';
import { llama3 } from './formats/llama3';
import { minimaxM2 } from './formats/minimax-m2';
import { mistral } from './formats/mistral';
import { pythonic } from './formats/pythonic';
import { mimo, qwen3Coder } from './formats/qwen3-coder';
import { step3 } from './formats/step3';
import { trinity } from './formats/trinity';
import { parserOf, type ToolParserFactory } from './tool-parser';

/** The forms in which models write tool calls, by SGLang's names. Some names are of one form. */
export const TOOL_PARSERS = {
  deepseekv3: parserOf(deepseekV3),
  deepseekv31: parserOf(deepseekV31),
  deepseekv32: parserOf(deepseekV32),
  gigachat3: parserOf(gigachat3),
  glm: parserOf(glm),
  glm45: parserOf(glm),
  glm47: parserOf(glm),
  'gpt-oss': parserOf(gptOss),
  hermes: parserOf(hermes),
  interns1: parserOf(internS1),
  kimi_k2: parserOf(kimiK2, kimiIds),
  lfm2: parserOf(lfm2),
  llama3: parserOf(llama3),
  mimo: parserOf(mimo),
  'minimax-m2': parserOf(minimaxM2),
  mistral: parserOf(mistral),
  pythonic: parserOf(pythonic),
  qwen: parserOf(hermes),
  qwen25: parserOf(hermes),
  qwen3_coder: parserOf(qwen3Coder),
  step3: parserOf(step3),
  step3p5: parserOf(qwen3Coder),
  trinity: parserOf(trinity),
} as const satisfies Readonly<Record<string, ToolParserFactory>>;

export type ToolParserName = keyof typeof TOOL_PARSERS;

export const TOOL_PARSER_NAMES = Object.keys(TOOL_PARSERS) as ToolParserName[];

/** What a grammar makes of a model that has to call a tool, whatever its own form is; no choice of a user's. */
export const JSON_ARRAY_PARSER = parserOf(jsonArray);
