import { TOOL_PARSERS, type ToolParserName } from './registry';

/** What the template of a family writes of calls, the more special before what others write as well. */
const MARKS: readonly (readonly [mark: RegExp, name: string])[] = [
  [/<\|channel\|>/, 'gpt-oss'],
  [/<\|tool_calls_section_begin\|>/, 'kimi_k2'],
  [/\[TOOL_CALLS\]/, 'mistral'],
  [/<｜tool▁sep｜>(?![\s\S]*```json)/, 'deepseekv31'],
  [/<｜tool▁sep｜>/, 'deepseekv3'],
  [/<\|tool_call_start\|>/, 'lfm2'],
  [/<arg_key>/, 'glm45'],
  [/<function=/, 'qwen3_coder'],
  [/<tool_call>/, 'hermes'],
  [/<\|python_tag\|>/, 'llama3'],
];

/** The parser that a chat template speaks for; null where it writes no calls, or in a form that is not known here. */
export function parserOfTemplate(template: string): ToolParserName | null {
  const name = MARKS.find(([mark]) => mark.test(template))?.[1];
  return name !== undefined && Object.hasOwn(TOOL_PARSERS, name) ? (name as ToolParserName) : null;
}
