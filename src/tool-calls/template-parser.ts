import type { ToolParserName } from './registry';

/**
 * What a chat template that teaches a form has in it, the most telling first: some templates mention the marks of several forms.
 * A rule holds where one of its words is there, and the further one where it names one.
 */
interface Rule {
  readonly parser: ToolParserName;
  readonly anyOf: readonly string[];
  readonly and?: string;
}

const RULES: readonly Rule[] = [
  { parser: 'gpt-oss', anyOf: ['to=functions', '<|call|>'], and: '<|channel|>' },
  { parser: 'kimi_k2', anyOf: ['<|tool_calls_section_begin|>', '<|tool_call_argument_begin|>'] },
  { parser: 'minimax-m2', anyOf: ['<minimax:tool_call>'] },
  { parser: 'interns1', anyOf: ['<|action_start|>'], and: '<|plugin|>' },
  { parser: 'mistral', anyOf: ['[TOOL_CALLS]'] },
  { parser: 'deepseekv32', anyOf: ['<｜DSML｜'] },
  { parser: 'deepseekv3', anyOf: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>'], and: '```json' },
  { parser: 'deepseekv31', anyOf: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁begin｜>'] },
  { parser: 'gigachat3', anyOf: ['function call<|role_sep|>', '<|function_call|>'] },
  { parser: 'step3', anyOf: ['<steptml:invoke'] },
  { parser: 'lfm2', anyOf: ['<|tool_call_start|>', '<|tool_list_start|>'] },
  { parser: 'glm45', anyOf: ['<arg_key>'] },
  { parser: 'qwen3_coder', anyOf: ['<function='], and: '<parameter=' },
  { parser: 'hermes', anyOf: ['<tool_call>'] },
  { parser: 'pythonic', anyOf: ['<|python_start|>', '[func_name1('] },
  { parser: 'llama3', anyOf: ['<|python_tag|>', '{"name": function name, "parameters":'] },
];

/** The parser for the form in which a chat template teaches its model to call tools; null where none is recognized. */
export function parserOfTemplate(template: string): ToolParserName | null {
  const rule = RULES.find(
    ({ anyOf, and = '' }) => anyOf.some((word) => template.includes(word)) && template.includes(and),
  );
  return rule?.parser ?? null;
}
