import { hermes } from './formats/hermes';
import { parserOf, type ToolParserFactory } from './tool-parser';

/** The forms in which models write tool calls, by SGLang's names. */
export const TOOL_PARSERS = {
  hermes: parserOf(hermes),
  qwen: parserOf(hermes),
  qwen25: parserOf(hermes),
} as const satisfies Readonly<Record<string, ToolParserFactory>>;

export type ToolParserName = keyof typeof TOOL_PARSERS;

export const TOOL_PARSER_NAMES = Object.keys(TOOL_PARSERS) as ToolParserName[];
