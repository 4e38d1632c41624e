import { invocations } from '../xml/invocations';

/** `<minimax:tool_call><invoke name="f"><parameter name="k">v</parameter></invoke></minimax:tool_call>`, a line for each mark. */
export const minimaxM2 = invocations({
  begin: '<minimax:tool_call>',
  invoke: '<invoke name="',
  parameters: {
    keyStart: '<parameter name="',
    keyEnd: '">',
    valueStart: '',
    valueEnd: '</parameter>',
    callEnds: ['</invoke>'],
    value: (text) => text,
  },
  end: '</minimax:tool_call>',
});
