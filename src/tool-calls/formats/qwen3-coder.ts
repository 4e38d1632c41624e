import { closing } from '../text/closing';
import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';
import { readParameters, type ParameterForm } from '../xml/parameters';

const FUNCTION = '<function=';

/** @param value what of the text between the marks of a parameter is its value */
const formOf = (value: (text: string) => string): ParameterForm => ({
  keyStart: '<parameter=',
  keyEnd: '>',
  valueStart: '',
  valueEnd: '</parameter>',
  callEnds: ['</function>', '</tool_call>'],
  value,
});

const coder = (form: ParameterForm): Grammar =>
  function* (parsing) {
    const { source } = parsing;
    for (;;) {
      const mark = yield* prose(parsing, '<tool_call>', FUNCTION);
      if (mark === null) return;
      yield* source.spaces();
      if (mark !== FUNCTION && (yield* source.word(FUNCTION)) === null) continue;
      const name = yield* source.while(/[^\s<>]/);
      if ((yield* source.word('>')) === null) continue;
      yield* closing(source, yield* readParameters(parsing, name, form), '</tool_call>');
    }
  };

/**
 * `<tool_call><function=NAME><parameter=KEY>value</parameter></function></tool_call>`, a line for each mark and value. The outer
 * marks may be missing.
 */
export const qwen3Coder = coder(formOf((text) => text.replace(/^\n/, '').replace(/\n$/, '')));

/** The same with values on the line of their marks. */
export const mimo = coder(formOf((text) => text));
