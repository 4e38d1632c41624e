import { shortestEnd } from '../../../src/constrained/shortest-end';

it.each<[string, string, number]>([
  ['a text', 'root ::= (("abc"))', 3],
  ['escapes', String.raw`root ::= (("a\"\\\xe9\n"))`, 5],
  ['the shorter of two ways', 'root ::= (("abc") | ("d" [0-9]))', 2],
  ['nothing at all', 'root ::= ("" | ("b" root_1)) (=("c"))\nroot_1 ::= (([a-z\\]]* "x"))', 1],
  ['other rules', 'root ::= (("{" a a "}"))\na ::= (("abc"))', 8],
  ['itself', 'root ::= (("(" root ")") | ("x"))', 1],
  ['a rule that has no end', 'root ::= (("a" root))', Infinity],
  ['a rule without end among others', 'root ::= ("" | (a))\na ::= (("a" a))', Infinity],
  ['free text', 'root ::= ((a))\na ::= TagDispatch(\n  ("<f", b),\n  stop_eos=true\n)\nb ::= (("xy"))', 2],
  ['something that is not known', 'root ::= (("a"){3,5})', Infinity],
  ['a rule that is not there', 'root ::= ((a))', Infinity],
])('%s', (_, source, expected) => expect(shortestEnd(source)).toBe(expected));

it('of doubled rules grows beyond all bounds, and is found at once', () => {
  const rules = Array.from({ length: 60 }, (_, i) => `r${i + 1} ::= ((r${i} r${i}))`);
  expect(shortestEnd(['r0 ::= (("a"))', ...rules].join('\n'))).toBe(2 ** 60);
});
