import { parserOfTemplate } from '../../../src/tool-calls/template-parser';

it.each([
  ['{{ "<tool_call>\n" }}{{ call | tojson }}', 'hermes'],
  ['{{ message.content }}', null],
])('of %j is %s', (template, name) => {
  expect(parserOfTemplate(template)).toBe(name);
});
