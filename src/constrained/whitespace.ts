import type { GrammarMatcher } from '../core/grammar';

/** Characters of whitespace in one place: deep indentation fits, and a model that knows no end comes to it. */
const MAX_RUN = 48;
/** What the engine's grammars of JSON take for whitespace. */
const LEADING = /^[ \n\t]*/;
const TOO_LONG = new RegExp(`[ \\n\\t]{${MAX_RUN + 1}}`);

/**
 * Bounds the whitespace of JSON, of which the grammar itself allows any amount. In the grammar the bound would be a chain of rules for
 * each place where whitespace may stand, and take a hundred times as long to compile.
 */
export class WhitespaceBound {
  /** Characters of whitespace with which each token begins; beyond the bound where there is as much further on. */
  private readonly leading: Uint8Array;
  /** Tokens that fit, one bit each, after so many characters of whitespace. */
  private readonly fitting = new Map<number, Int32Array>();

  /** @param texts the bytes of each token */
  constructor(private readonly texts: readonly string[]) {
    this.leading = Uint8Array.from(texts, (text) =>
      Math.min(MAX_RUN + 1, TOO_LONG.test(text) ? Infinity : (LEADING.exec(text)?.[0].length ?? 0)),
    );
  }

  /** @param matcher of a grammar of JSON, at its beginning; belongs to the one that is returned */
  bound(matcher: GrammarMatcher): GrammarMatcher {
    const place = new Place();
    return {
      mask: async () => {
        const mask = await matcher.mask();
        return place.isInString ? mask : intersection(mask, this.fittingAfter(place.run));
      },
      accept: (id) => {
        const isAccepted = matcher.accept(id);
        if (isAccepted) place.read(this.texts[id] ?? '');
        return isAccepted;
      },
      forced: () => matcher.forced(),
      get isTerminated() {
        return matcher.isTerminated;
      },
      dispose: () => matcher.dispose(),
    };
  }

  private fittingAfter(run: number): Int32Array {
    const known = this.fitting.get(run);
    if (known !== undefined) return known;
    const words = new Int32Array(Math.ceil(this.leading.length / 32)).fill(-1);
    this.leading.forEach((count, id) => {
      if (count > 0 && run + count > MAX_RUN) words[id >>> 5] = (words[id >>> 5] ?? 0) & ~(1 << (id & 31));
    });
    this.fitting.set(run, words);
    return words;
  }
}

/** Where a text of JSON stands. */
class Place {
  isInString = false;
  /** Characters of whitespace just before, outside strings. */
  run = 0;
  private isEscaped = false;

  read(text: string): void {
    for (const letter of text) {
      if (this.isEscaped) this.isEscaped = false;
      else if (letter === '"') this.isInString = !this.isInString;
      else if (this.isInString) this.isEscaped = letter === '\\';
      this.run =
        !this.isInString && (letter === ' ' || letter === '\n' || letter === '\t') ? this.run + 1 : 0;
    }
  }
}

/** The tokens in both; all of the first where there would be none, as with a vocabulary that has a sign only with whitespace before it. */
function intersection(mask: Int32Array, fitting: Int32Array): Int32Array {
  const both = mask.map((word, i) => word & (fitting[i] ?? -1));
  return both.some((word) => word !== 0) ? both : mask;
}
