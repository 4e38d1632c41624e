import type { ToolParserName } from '../../../src/tool-calls/registry';

/** How models write calls: the inverse of the parsers, one for each form. */
export interface Call {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
}

type Render = (calls: readonly Call[]) => string;

const object = (argsKey: string) => (call: Call) => JSON.stringify({ name: call.name, [argsKey]: call.args });
const each =
  (render: (call: Call) => string, separator = '\n') =>
  (calls: readonly Call[]) =>
    calls.map(render).join(separator);

const hermes: Render = each((call) => `<tool_call>\n${object('arguments')(call)}\n</tool_call>`);

const glm: Render = each(({ name, args }) => {
  const pairs = Object.entries(args).map(
    ([key, value]) => `<arg_key>${key}</arg_key>\n<arg_value>${bare(value)}</arg_value>\n`,
  );
  return `<tool_call>${name}\n${pairs.join('')}</tool_call>`;
});

function bare(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value as Python's `repr` shows it. */
export function pythonValue(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`;
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${pythonValue(key)}: ${pythonValue(item)}`)
    .join(', ')}}`;
}

const python: Render = (calls) => {
  const written = calls.map(({ name, args }) => {
    const pairs = Object.entries(args).map(([key, value]) => `${key}=${pythonValue(value)}`);
    return `${name}(${pairs.join(', ')})`;
  });
  return `[${written.join(', ')}]`;
};

const coder: Render = each(({ name, args }) => {
  const pairs = Object.entries(args).map(
    ([key, value]) => `<parameter=${key}>\n${bare(value)}\n</parameter>\n`,
  );
  return `<tool_call>\n<function=${name}>\n${pairs.join('')}</function>\n</tool_call>`;
});

export const RENDERERS: Readonly<Record<ToolParserName, Render>> = {
  deepseekv3: (calls) =>
    `<｜tool▁calls▁begin｜>${each(
      ({ name, args }) =>
        `<｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${JSON.stringify(args)}\n\`\`\`<｜tool▁call▁end｜>`,
    )(calls)}<｜tool▁calls▁end｜>`,
  deepseekv31: (calls) =>
    `<｜tool▁calls▁begin｜>${each(
      ({ name, args }) =>
        `<｜tool▁call▁begin｜>${name}<｜tool▁sep｜>${JSON.stringify(args)}<｜tool▁call▁end｜>`,
      '',
    )(calls)}<｜tool▁calls▁end｜>`,
  deepseekv32: (calls) =>
    `<｜DSML｜function_calls>\n${each(({ name, args }) => {
      const pairs = Object.entries(args).map(
        ([key, value]) =>
          `<｜DSML｜parameter name="${key}" string="${typeof value === 'string'}">${bare(value)}</｜DSML｜parameter>\n`,
      );
      return `<｜DSML｜invoke name="${name}">\n${pairs.join('')}</｜DSML｜invoke>`;
    })(calls)}\n</｜DSML｜function_calls>`,
  gigachat3: each((call) => `function call<|role_sep|>\n${object('arguments')(call)}<|message_sep|>`),
  glm,
  glm45: glm,
  glm47: (calls) => glm(calls).replace(/(name|ping|get_weather|get-time|<\/arg_(?:key|value)>)\n/g, '$1'),
  'gpt-oss': each(
    ({ name, args }) =>
      `<|start|>assistant<|channel|>commentary to=functions.${name} <|constrain|>json<|message|>${JSON.stringify(args)}<|call|>`,
    '',
  ),
  hermes,
  interns1: each((call) => `<|action_start|> <|plugin|>\n${object('parameters')(call)}<|action_end|>`),
  kimi_k2: (calls) =>
    `<|tool_calls_section_begin|>${calls
      .map(
        ({ name, args }, at) =>
          `<|tool_call_begin|>functions.${name}:${at}<|tool_call_argument_begin|>${JSON.stringify(args)}<|tool_call_end|>`,
      )
      .join('')}<|tool_calls_section_end|>`,
  lfm2: (calls) => `<|tool_call_start|>${python(calls)}<|tool_call_end|>`,
  llama3: (calls) => `<|python_tag|>${each(object('parameters'), '; ')(calls)}`,
  mimo: each(({ name, args }) => {
    const pairs = Object.entries(args).map(
      ([key, value]) => `<parameter=${key}>${bare(value)}</parameter>\n`,
    );
    return `<tool_call>\n<function=${name}>\n${pairs.join('')}</function>\n</tool_call>`;
  }),
  'minimax-m2': (calls) =>
    `<minimax:tool_call>\n${each(({ name, args }) => {
      const pairs = Object.entries(args).map(
        ([key, value]) => `<parameter name="${key}">${bare(value)}</parameter>\n`,
      );
      return `<invoke name="${name}">\n${pairs.join('')}</invoke>`;
    })(calls)}\n</minimax:tool_call>`,
  mistral: (calls) => `[TOOL_CALLS] [${each(object('arguments'), ', ')(calls)}]`,
  pythonic: python,
  qwen: hermes,
  qwen25: hermes,
  qwen3_coder: coder,
  step3: (calls) =>
    `<｜tool_calls_begin｜>${each(({ name, args }) => {
      const pairs = Object.entries(args).map(
        ([key, value]) => `<steptml:parameter name="${key}">${bare(value)}</steptml:parameter>`,
      );
      return (
        `<｜tool_call_begin｜>function<｜tool_sep｜><steptml:invoke name="${name}">` +
        `${pairs.join('')}</steptml:invoke><｜tool_call_end｜>`
      );
    })(calls)}<｜tool_calls_end｜>`,
  step3p5: coder,
  trinity: hermes,
};
