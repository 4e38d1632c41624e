import fc from 'fast-check';
import { RE2JS } from 're2js';
import { compileStopRegex } from '../../../src/core/stop-regex';
import { RegexScanner } from '../../../src/detokenizer/regex-scanner';

/** Where the first match in `text` begins, by re2js itself. */
function search(regex: RE2JS, text: string): number | null {
  const matcher = regex.matcher(text);
  return matcher.find() ? matcher.start() : null;
}

const LETTERS = ['a', 'b', 'c', ' ', '\n', '😀', '_'];
const text = fc.array(fc.constantFrom(...LETTERS), { maxLength: 4 }).map((letters) => letters.join(''));

const pattern = fc.letrec<{ regex: string; atom: string }>((tie) => ({
  regex: fc.oneof(
    { maxDepth: 4 },
    tie('atom'),
    fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => a + b),
    fc.tuple(tie('regex'), tie('regex')).map(([a, b]) => `(?:${a}|${b})`),
    fc
      .tuple(tie('regex'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '*?', '+?'))
      .map(([a, times]) => `(${a})${times}`),
  ),
  atom: fc.constantFrom(
    ...['a', 'b', 'c', ' ', '\\n', '.', '[ab]', '[^a]', '\\w', '\\s', '😀', '(?i:A)', '(?s:.)'],
    ...['^', '$', '\\b', '\\B', '(?m:^)', '(?m:$)', '\\z'],
  ),
})).regex;

describe('RegexScanner', () => {
  it('finds what a search in the text so far finds, after every piece', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { maxLength: 8 }), (source, pieces) => {
        const regex = RE2JS.compile(source);
        const scanner = new RegexScanner(compileStopRegex(source));
        let soFar = '';
        for (const piece of pieces) {
          soFar += piece;
          const expected = search(regex, soFar);
          expect(scanner.feed(piece)).toBe(expected);
          if (expected !== null) return;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('finds nothing that ends in text it was to skip, and everything that ends later', () => {
    const plain = pattern.filter((source) => !/[\\^$]/.test(source.replaceAll('[^a]', '')));
    fc.assert(
      fc.property(plain, text, text, (source, before, after) => {
        const whole = RE2JS.compile(`(?:${source})`);
        const scanner = new RegexScanner(compileStopRegex(source));
        scanner.skip(before);
        const all = before + after;
        const borders = [...all, ''].map((_, i, characters) => characters.slice(0, i).join('').length);
        const begins = borders.filter((begin) =>
          borders.some((end) => end > before.length && end >= begin && whole.matches(all.slice(begin, end))),
        );
        if (after !== '' && before !== '') expect(scanner.feed(after)).toBe(begins[0] ?? null);
      }),
      { numRuns: 2000 },
    );
  });

  it('never finds a match that begins in text it had called decided', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { maxLength: 8 }), (source, pieces) => {
        const scanner = new RegexScanner(compileStopRegex(source));
        let decided = 0;
        for (const piece of pieces) {
          const begin = scanner.feed(piece);
          if (begin !== null) return expect(begin).toBeGreaterThanOrEqual(decided);
          expect(scanner.undecidedFrom).toBeGreaterThanOrEqual(decided);
          decided = scanner.undecidedFrom;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    { source: 'ab+c', piece: 'xxabb', undecidedFrom: 2 },
    { source: 'ab+c', piece: 'xxabbd', undecidedFrom: 6 },
    { source: '\\n\\nUser:', piece: 'fine.\n', undecidedFrom: 5 },
    { source: '\\d{3}', piece: 'no 12', undecidedFrom: 3 },
    { source: '^abc', piece: 'xab', undecidedFrom: 3 },
    { source: 'a[^b]*b', piece: '--a--a--', undecidedFrom: 2 },
    { source: '😀x', piece: 'a😀', undecidedFrom: 1 },
  ])('withholds of $piece only what $source may begin with', ({ source, piece, undecidedFrom }) => {
    const scanner = new RegexScanner(compileStopRegex(source));
    expect(scanner.feed(piece)).toBeNull();
    expect(scanner.undecidedFrom).toBe(undecidedFrom);
  });

  it('reads the Python spelling of escapes', () => {
    expect(new RegexScanner(compileStopRegex('\\u4e2d\\U0001f600\\Z')).feed('x中😀')).toBe(1);
    expect(new RegexScanner(compileStopRegex('\\\\u4e2d')).feed('\\u4e2d')).toBe(0);
    expect(new RegexScanner(compileStopRegex('(?P<word>end)')).feed('the end')).toBe(4);
  });

  it('needs linear time for patterns that drive backtracking engines mad', () => {
    const scanner = new RegexScanner(compileStopRegex('(a+)+$|(?:(?:a|aa)+)+b{2}z'));
    expect(scanner.feed('!')).toBeNull();
    expect(scanner.feed(`${'a'.repeat(5000)}!`)).toBeNull();
  });
});
