import { typedArgument } from '../xml/typed-argument';
import { invocations } from '../xml/invocations';

/**
 * `<｜DSML｜function_calls><｜DSML｜invoke name="f"><｜DSML｜parameter name="k" string="true">v</｜DSML｜parameter></｜DSML｜invoke>
 * </｜DSML｜function_calls>`, a line for each mark. Values that are no strings (`string="false"`) are JSON.
 */
export const deepseekV32 = invocations({
  begin: '<｜DSML｜function_calls>',
  invoke: '<｜DSML｜invoke name="',
  parameters: {
    keyStart: '<｜DSML｜parameter name="',
    keyEnd: '>',
    valueStart: '',
    valueEnd: '</｜DSML｜parameter>',
    callEnds: ['</｜DSML｜invoke>'],
    value: (text) => text,
    key: (head) => head.replace(/"[^"]*(?:"[^"]*"\s*)?$/, ''),
    json: (head, text, schema) => {
      const isString = /\sstring="(true|false)"\s*$/.exec(head)?.[1];
      if (isString === undefined) return typedArgument(text, schema);
      return isString === 'true' ? JSON.stringify(text) : (jsonOf(text) ?? typedArgument(text, schema));
    },
  },
  end: '</｜DSML｜function_calls>',
});

/** A text that is JSON, as it is; else null. */
function jsonOf(text: string): string | null {
  try {
    JSON.parse(text);
    return text.trim();
  } catch {
    return null;
  }
}
