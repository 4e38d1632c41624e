import { prose } from '../text/prose';
import type { Grammar } from '../tool-parser';
import { readParameters, type ParameterForm } from '../xml/parameters';

const FORM: ParameterForm = {
  keyStart: '<arg_key>',
  keyEnd: '</arg_key>',
  valueStart: '<arg_value>',
  valueEnd: '</arg_value>',
  callEnds: ['</tool_call>'],
  value: (text) => text,
};

/** `<tool_call>NAME<arg_key>k</arg_key><arg_value>v</arg_value></tool_call>`, with line ends between the marks or without. */
export const glm: Grammar = function* (parsing) {
  const { source } = parsing;
  while ((yield* prose(parsing, '<tool_call>')) !== null) {
    yield* source.spaces();
    const name = yield* source.while(/[\w.-]/);
    if (name !== '') yield* readParameters(parsing, name, FORM);
  }
};
