import { mark } from '../../core/grammar';
import { isPlainName, jsonOf, tag, type CallForm, type TagFormat } from './call-form';

/** Formats in which the arguments of a call are JSON. */

type Call = CallForm['call'];

/** `{"name": …, "arguments": …}`. @param key what the arguments are called */
function object(key: string, before = '', after = ''): Call {
  return (name, schema) =>
    tag(`${before}{"name": ${JSON.stringify(name)}, "${key}": `, argumentsOf(schema), `}${after}`);
}

/** The name and then the arguments, with fixed text around each. */
function named(before: string, between: string, after: string): Call {
  return (name, schema) =>
    isPlainName(name) ? tag(before + name + between, argumentsOf(schema), after) : null;
}

function argumentsOf(schema: unknown): TagFormat {
  return jsonOf(schema ?? { type: 'object' });
}

const [CALL, CALL_END] = [mark('<tool_call>'), mark('</tool_call>')];
export const HERMES: CallForm = {
  trigger: CALL,
  around: null,
  separator: '\n',
  call: object('arguments', `${CALL}\n`, `\n${CALL_END}`),
};

export const LLAMA3: CallForm = {
  trigger: null,
  around: null,
  separator: '; ',
  call: object('parameters'),
};

const [ACTION, PLUGIN] = [mark('<|action_start|>'), mark('<|plugin|>')];
export const INTERNS1: CallForm = {
  trigger: ACTION,
  around: null,
  separator: '\n',
  call: object('parameters', `${ACTION} ${PLUGIN}\n`, mark('<|action_end|>')),
};

const TOOL_CALLS = mark('[TOOL_CALLS]');
/** The first of Mistral's forms. */
export const MISTRAL_LIST: CallForm = {
  trigger: TOOL_CALLS,
  around: [`${TOOL_CALLS} [`, ']'],
  separator: ', ',
  call: object('arguments'),
};
export const MISTRAL: CallForm = {
  trigger: TOOL_CALLS,
  around: [TOOL_CALLS, ''],
  separator: TOOL_CALLS,
  call: named('', mark('[ARGS]'), ''),
};

const [DEEPSEEK_CALLS, DEEPSEEK_CALLS_END] = [mark('<｜tool▁calls▁begin｜>'), mark('<｜tool▁calls▁end｜>')];
const [DEEPSEEK_CALL, DEEPSEEK_CALL_END] = [mark('<｜tool▁call▁begin｜>'), mark('<｜tool▁call▁end｜>')];
const DEEPSEEK_SEPARATOR = mark('<｜tool▁sep｜>');
export const DEEPSEEK_V3: CallForm = {
  trigger: DEEPSEEK_CALLS,
  around: [DEEPSEEK_CALLS, DEEPSEEK_CALLS_END],
  separator: '\n',
  call: named(`${DEEPSEEK_CALL}function${DEEPSEEK_SEPARATOR}`, '\n```json\n', `\n\`\`\`${DEEPSEEK_CALL_END}`),
};
export const DEEPSEEK_V31: CallForm = {
  trigger: DEEPSEEK_CALLS,
  around: [DEEPSEEK_CALLS + DEEPSEEK_CALL, DEEPSEEK_CALL_END + DEEPSEEK_CALLS_END],
  separator: DEEPSEEK_CALL_END + DEEPSEEK_CALL,
  call: named('', DEEPSEEK_SEPARATOR, ''),
};

const [KIMI_CALLS, KIMI_CALLS_END] = [
  mark('<|tool_calls_section_begin|>'),
  mark('<|tool_calls_section_end|>'),
];
const [KIMI_CALL, KIMI_CALL_END] = [mark('<|tool_call_begin|>'), mark('<|tool_call_end|>')];
/** The number of a call in the conversation, which is the model's to count. */
const KIMI_NUMBER: TagFormat = { type: 'regex', pattern: '[0-9]{1,4}' };
export const KIMI_K2: CallForm = {
  trigger: KIMI_CALLS,
  around: [KIMI_CALLS + KIMI_CALL, KIMI_CALL_END + KIMI_CALLS_END],
  separator: KIMI_CALL_END + KIMI_CALL,
  call: (name, schema) => {
    if (!isPlainName(name)) return null;
    const args = tag(mark('<|tool_call_argument_begin|>'), argumentsOf(schema), '');
    return tag(`functions.${name}:`, { type: 'sequence', elements: [KIMI_NUMBER, args] }, '');
  },
};
