import { mergeRules } from '../../../src/constrained/rules';

const rules = (...lines: string[]) => lines.join('\n');

it('writes rules that mean the same once, also those that name each other', () => {
  expect(
    mergeRules(
      rules(
        'root ::= (("a" list))',
        'list ::= ("" | ("," list))',
        'root_1 ::= (("b" list_1))',
        'list_1 ::= ("" | ("," list_1))',
        'root_2 ::= ((root) | (root_1))',
      ),
    ),
  ).toEqual({
    source: rules(
      'root ::= (("a" list))',
      'list ::= ("" | ("," list))',
      'root_1 ::= (("b" list))',
      'root_2 ::= ((root) | (root_1))',
    ),
    root: 'root_2',
  });
});

it('keeps apart what differs only further down', () => {
  const source = rules(
    'root ::= ((a) | (b))',
    'a ::= ((c))',
    'b ::= ((d))',
    'c ::= (("x"))',
    'd ::= (("y"))',
  );
  expect(mergeRules(source)).toEqual({ source, root: 'root' });
});

it('takes names in texts and classes for what they are', () => {
  const source = rules('root ::= (("a \\" b" [ab\\]]) | (a))', 'a ::= (("b"))', 'b ::= (("a"))');
  expect(mergeRules(source)).toEqual({ source, root: 'root' });
});

it.each([
  ['nothing that it understands', 'what'],
  ['two rules to begin with', rules('root ::= (("a"))', 'root_1 ::= (("b"))')],
  ['none to begin with', 'root ::= ("" | ("a" root))'],
])('finds %s', (_, source) => expect(mergeRules(source)).toBeNull());
