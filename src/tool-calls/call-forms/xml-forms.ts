import { mark } from '../../core/grammar';
import { isPlainName, tag, type CallForm } from './call-form';
import { argumentsIn, type ArgumentForm } from './plain-arguments';

/** Formats with marks around each argument, whose texts stand between them as they are. */

const ANY_TEXT = { type: 'any_text' };

function call(begin: (name: string) => string, form: ArgumentForm, end: string): CallForm['call'] {
  return (name, schema) => {
    const content = schema === null ? ANY_TEXT : argumentsIn(form, schema);
    return content === null || !isPlainName(name) ? null : tag(begin(name), content, end);
  };
}

const [CALL, CALL_END] = [mark('<tool_call>'), mark('</tool_call>')];

/** @param line what separates a value from the marks around it */
function coder(line: string): CallForm {
  const form: ArgumentForm = {
    begin: (key) => `<parameter=${key}>${line}`,
    end: `${line}</parameter>\n`,
    endings: ['</parameter>', '<parameter=', '</function>', '</tool_call>'],
  };
  return {
    trigger: CALL,
    around: null,
    separator: '\n',
    call: call((name) => `${CALL}\n<function=${name}>\n`, form, `</function>\n${CALL_END}`),
  };
}

export const QWEN3_CODER = coder('\n');
export const MIMO = coder('');

/** @param line what separates marks from each other */
function glm(line: string): CallForm {
  const [key, keyEnd] = [mark('<arg_key>'), mark('</arg_key>')];
  const [value, valueEnd] = [mark('<arg_value>'), mark('</arg_value>')];
  const form: ArgumentForm = {
    begin: (name) => `${key}${name}${keyEnd}${line}${value}`,
    end: valueEnd + line,
    endings: ['</arg_value>', '<arg_key>', '</tool_call>'],
  };
  const begin = (name: string) => `${CALL}${name}${line}`;
  return { trigger: CALL, around: null, separator: '\n', call: call(begin, form, CALL_END) };
}

export const GLM45 = glm('\n');
export const GLM47 = glm('');

const MINIMAX_CALLS = mark('<minimax:tool_call>');
export const MINIMAX_M2: CallForm = {
  trigger: MINIMAX_CALLS,
  around: [`${MINIMAX_CALLS}\n`, `\n${mark('</minimax:tool_call>')}`],
  separator: '\n',
  call: call(
    (name) => `<invoke name="${name}">\n`,
    {
      begin: (key) => `<parameter name="${key}">`,
      end: '</parameter>\n',
      endings: ['</parameter>', '<parameter name="', '</invoke>'],
    },
    '</invoke>',
  ),
};

const DSML = mark('｜DSML｜');
export const DEEPSEEK_V32: CallForm = {
  trigger: `<${DSML}function_calls>`,
  around: [`<${DSML}function_calls>\n`, `\n</${DSML}function_calls>`],
  separator: '\n',
  call: call(
    (name) => `<${DSML}invoke name="${name}">\n`,
    {
      begin: (key, isText) => `<${DSML}parameter name="${key}" string="${isText}">`,
      end: `</${DSML}parameter>\n`,
      endings: ['</｜DSML｜parameter>', '<｜DSML｜parameter name="', '</｜DSML｜invoke>'],
    },
    `</${DSML}invoke>`,
  ),
};

const [STEP3_CALL, STEP3_CALL_END] = [mark('<｜tool_call_begin｜>'), mark('<｜tool_call_end｜>')];
const STEP3_CALLS = mark('<｜tool_calls_begin｜>');
export const STEP3: CallForm = {
  trigger: STEP3_CALLS,
  around: [STEP3_CALLS, mark('<｜tool_calls_end｜>')],
  separator: '\n',
  call: call(
    (name) => `${STEP3_CALL}function${mark('<｜tool_sep｜>')}<steptml:invoke name="${name}">`,
    {
      begin: (key) => `<steptml:parameter name="${key}">`,
      end: '</steptml:parameter>',
      endings: ['</steptml:parameter>', '<steptml:parameter name="', '</steptml:invoke>'],
    },
    `</steptml:invoke>${STEP3_CALL_END}`,
  ),
};
