import fc from 'fast-check';
import { StopMatcher } from '../../../src/detokenizer/stop-matcher';
import { StringScanner } from '../../../src/detokenizer/string-scanner';

const piece = fc.array(fc.constantFrom('a', 'b', '😀'), { maxLength: 5 }).map((letters) => letters.join(''));
const word = fc.array(fc.constantFrom('a', 'b', '😀'), { minLength: 1, maxLength: 6 }).map((w) => w.join(''));

describe('StringScanner', () => {
  it('finds the first occurrence and withholds exactly the longest possible beginning', () => {
    fc.assert(
      fc.property(word, fc.array(piece, { maxLength: 12 }), (stop, pieces) => {
        const scanner = new StringScanner(stop);
        let text = '';
        for (const next of pieces) {
          text += next;
          const begin = scanner.feed(next);
          expect(begin).toBe(text.includes(stop) ? text.indexOf(stop) : null);
          if (begin !== null) return;
          let held = Math.min(stop.length - 1, text.length);
          while (!text.endsWith(stop.slice(0, held))) held--;
          expect(scanner.undecidedFrom).toBe(text.length - held);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('StringScanner after text in which it must not stop', () => {
  it('finds the first occurrence that ends later', () => {
    fc.assert(
      fc.property(word, piece, piece, (stop, before, after) => {
        const scanner = new StringScanner(stop);
        scanner.skip(before);
        const begin = (before + after).indexOf(stop, Math.max(0, before.length - stop.length + 1));
        expect(scanner.feed(after)).toBe(begin < 0 ? null : begin);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('StopMatcher', () => {
  it('is idle without stops', () => {
    const matcher = new StopMatcher({ stop: [''], stopRegex: [] });
    expect(matcher.active).toBe(false);
    expect(matcher.undecidedFrom).toBe(Infinity);
  });

  it('prefers the stop that the request names first, and strings to regexes', () => {
    const params = { stop: ['b', 'ab'], stopRegex: ['x?a'] };
    expect(new StopMatcher(params).feed('xab')).toEqual({ matched: 'b', begin: 2 });
    expect(new StopMatcher({ ...params, stop: ['ab', 'b'] }).feed('xab')).toEqual({
      matched: 'ab',
      begin: 1,
    });
    expect(new StopMatcher({ ...params, stop: ['!'] }).feed('xab')).toEqual({ matched: 'x?a', begin: 0 });
  });

  it('withholds what any of its stops may begin with', () => {
    const matcher = new StopMatcher({ stop: ['###', '\n\nQ'], stopRegex: ['[A-Z]+:'] });
    expect(matcher.feed('one \n\n')).toBeNull();
    expect(matcher.undecidedFrom).toBe(4);
    expect(matcher.feed('USER')).toBeNull();
    expect(matcher.undecidedFrom).toBe(6);
    expect(matcher.feed('S.')).toBeNull();
    expect(matcher.undecidedFrom).toBe(12);
  });

  it('does not stop at a token without text', () => {
    const matcher = new StopMatcher({ stop: [], stopRegex: ['a*'] });
    expect(matcher.feed('')).toBeNull();
    expect(matcher.feed('b')).toEqual({ matched: 'a*', begin: 0 });
  });
});
