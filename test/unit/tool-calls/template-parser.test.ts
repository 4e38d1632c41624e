import { readFileSync } from 'node:fs';
import { parserOfTemplate } from '../../../src/tool-calls/template-parser';
import { TOOL_PARSER_NAMES } from '../../../src/tool-calls/registry';
import { RENDERERS } from './renderers';

/** Parsers whose form is that of another one, by which the choice names it. */
const SAME: Readonly<Record<string, string>> = {
  qwen25: 'hermes',
  qwen: 'hermes',
  glm: 'glm45',
  glm47: 'glm45',
  mimo: 'qwen3_coder',
  step3p5: 'qwen3_coder',
  trinity: 'hermes',
};

const template = (calls: string) =>
  `{% for message in messages %}{% if message.tool_calls %}${calls}{% endif %}{{ message.content }}{% endfor %}`;

it.each(TOOL_PARSER_NAMES.filter((name) => name !== 'pythonic'))(
  'recognizes a template that writes calls as %s',
  (name) => {
    const calls = RENDERERS[name]([{ name: '{{ name }}', args: { a: '{{ value }}' } }]);
    expect(parserOfTemplate(template(calls))).toBe(SAME[name] ?? name);
  },
);

it.each([
  ['pythonic', 'Write [func_name1(params_name1=value1), func_name2()].'],
  ['pythonic', '<|python_start|>'],
  ['llama3', 'Respond in the format {"name": function name, "parameters": dictionary of its arguments}.'],
  ['hermes', '<tool_call>\\n{"name": <function-name>, "arguments": <args-json-object>}\\n</tool_call>'],
])('recognizes %s by its instruction', (name, text) => {
  expect(parserOfTemplate(template(text))).toBe(name);
});

it('recognizes nothing in templates without tools', () => {
  const folder = 'test/unit/chat-template/formats';
  for (const name of ['llama-3', 'phi-3', 'gemma-2', 'chatml']) {
    expect(parserOfTemplate(readFileSync(`${folder}/${name}.jinja`, 'utf8'))).toBeNull();
  }
});
