import type { GrammarMatcher } from '../../core/grammar';
import { JsonPlace } from './json-place';
import type { Node } from './string-lengths';

/** What each token does to a string that it begins in. */
interface TokenTable {
  /** Characters that it adds. */
  readonly added: Uint16Array;
  readonly longest: number;
  /** Whether it ends the string. */
  readonly isClosing: Uint8Array;
  readonly closing: readonly number[];
  /** Whether another string begins in it after that. */
  readonly isReopening: Uint8Array;
  readonly reopening: readonly number[];
  /** Tokens that hold a quote. */
  readonly quoted: readonly number[];
}

/**
 * Holds strings to their lengths beside a grammar that allows any. In the grammar each length would be as many states as there are
 * characters, each of which the engine tries with the whole vocabulary: half a minute for 200 characters and 151,000 tokens.
 */
export class LengthBound {
  private known: TokenTable | null = null;

  /** @param texts the bytes of each token */
  constructor(private readonly texts: readonly string[]) {}

  /** @param matcher of a grammar of JSON, at its beginning; belongs to the one that is returned */
  bound(matcher: GrammarMatcher, root: Node): GrammarMatcher {
    let place = new JsonPlace(root);
    return {
      mask: async () => this.fitting(await matcher.mask(), place),
      accept: (id) => {
        const next = place.copy();
        const isAccepted = next.read(this.texts[id] ?? '') && matcher.accept(id);
        if (isAccepted) place = next;
        return isAccepted;
      },
      // The grammar forces nothing inside a string of any length; names and what is listed have none of their own.
      forced: () => matcher.forced(),
      get isTerminated() {
        return matcher.isTerminated;
      },
      dispose: () => matcher.dispose(),
    };
  }

  private fitting(mask: Int32Array, place: JsonPlace): Int32Array {
    const words = mask.slice();
    const has = (id: number) => (((words[id >>> 5] ?? 0) >>> (id & 31)) & 1) === 1;
    const drop = (id: number) => (words[id >>> 5] = (words[id >>> 5] ?? 0) & ~(1 << (id & 31)));
    const isFitting = (id: number) => place.copy().read(this.texts[id] ?? '');
    const keepFitting = (ids: Iterable<number>) => {
      for (const id of ids) if (has(id) && !isFitting(id)) drop(id);
    };
    const { table } = this;
    const { length } = place;
    if (!place.isOpen) keepFitting(table.quoted);
    else if (!place.isPlain) keepFitting(this.texts.keys());
    else if (length === null) keepFitting(table.reopening);
    else {
      const room = length.most - place.count;
      const lacking = length.least - place.count;
      const { added, isClosing, isReopening } = table;
      const check = (id: number) => {
        const count = added[id] ?? 0;
        const isTooShort = isClosing[id] === 1 && count < lacking;
        if (count > room || isTooShort || (isReopening[id] === 1 && has(id) && !isFitting(id))) drop(id);
      };
      if (room < table.longest) for (let id = 0; id < this.texts.length; id++) check(id);
      else (lacking > 0 ? table.closing : table.reopening).forEach(check);
    }
    return words;
  }

  private get table(): TokenTable {
    return (this.known ??= tableOf(this.texts));
  }
}

function tableOf(texts: readonly string[]): TokenTable {
  const added = new Uint16Array(texts.length);
  const isClosing = new Uint8Array(texts.length);
  const isReopening = new Uint8Array(texts.length);
  let longest = 0;
  texts.forEach((text, id) => {
    const place = JsonPlace.inString({ least: 0, most: Infinity });
    let at = 0;
    while (at < text.length && place.isOpen) place.read(text.charAt(at++));
    added[id] = place.needed;
    longest = Math.max(longest, place.needed);
    if (place.isOpen) return;
    isClosing[id] = 1;
    if (text.includes('"', at)) isReopening[id] = 1;
  });
  const ids = [...texts.keys()];
  return {
    added,
    longest,
    isClosing,
    closing: ids.filter((id) => isClosing[id] === 1),
    isReopening,
    reopening: ids.filter((id) => isReopening[id] === 1),
    quoted: ids.filter((id) => texts[id]?.includes('"')),
  };
}
