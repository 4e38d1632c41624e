import { contentFormatOf } from '../../../src/chat-template/content-format';

it.each([
  ['a text that is printed', "{% for m in messages %}{{ m['content'] }}{% endfor %}"],
  ['a text that is cut', "{% for m in messages %}{{ m.content.split('</think>')[-1] | trim }}{% endfor %}"],
  [
    'a loop over something else',
    '{% for m in messages %}{% for c in m.tool_calls %}{{ c.name }}{% endfor %}{% endfor %}',
  ],
  [
    'a variable that holds the text',
    "{% for m in messages %}{% set text = m['content'] | trim %}{{ text }}{% endfor %}",
  ],
  ['nothing at all', 'Hello'],
])('a template with %s wants strings', (_, template) => {
  expect(contentFormatOf(template)).toBe('string');
});

it.each([
  [
    'the content by key',
    "{% for m in messages %}{% for part in m['content'] %}{{ part.text }}{% endfor %}{% endfor %}",
  ],
  [
    'the content by name',
    '{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}',
  ],
  [
    'the content by get',
    "{% for m in messages %}{% for part in m.get('content') %}{{ part }}{% endfor %}{% endfor %}",
  ],
  ['a variable', '{% set parts = messages[0].content %}{% for part in parts %}{{ part.text }}{% endfor %}'],
  [
    'a filtered content',
    "{% for m in messages %}{% for p in m.content | selectattr('type', 'equalto', 'text') %}{{ p.text }}{% endfor %}{% endfor %}",
  ],
  ['a slice', '{% for m in messages %}{% for p in m.content[1:] %}{{ p.text }}{% endfor %}{% endfor %}'],
  [
    'the parts that pass a test',
    '{% for m in messages %}{% for p in m.content if p.text %}{{ p.text }}{% endfor %}{% endfor %}',
  ],
  [
    'the parameter of a macro',
    '{% macro show(content) %}{% for p in content %}{{ p.text }}{% endfor %}{% endmacro %}{{ show(messages[0].content) }}',
  ],
  [
    'the content where it is no string',
    '{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}{% endfor %}',
  ],
])('a template that loops over %s wants parts', (_, template) => {
  expect(contentFormatOf(template)).toBe('openai');
});

it('reads trees of any width', () => {
  expect(contentFormatOf('{{ a }}'.repeat(200_000))).toBe('string');
});
