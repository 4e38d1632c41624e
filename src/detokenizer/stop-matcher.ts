import type { DecodeParams } from '../core/request';
import { compileStopRegex } from '../core/stop-regex';
import { RegexScanner } from './regex-scanner';
import type { Scanner } from './scanner';
import { StringScanner } from './string-scanner';

export interface StopMatch {
  /** The stop string, or the source of the stop regex. */
  readonly matched: string;
  /** Position in the output's text, in UTF-16 units, where its first occurrence begins. */
  readonly begin: number;
}

/**
 * Decides after each token whether the text has come to a stop, and how much of it may be shown meanwhile. When several
 * stops match at the same token, strings win over regexes, and otherwise the one that the request names first.
 *
 * Nothing is shown that could still turn out to be the beginning of a stop: what has been shown is never cut. A pattern
 * that may begin with anything at all (`[^]*END`) therefore withholds the whole text until the request ends.
 */
export class StopMatcher {
  private readonly stops: readonly { readonly source: string; readonly scanner: Scanner }[];

  /** @throws RequestError when a regex does not compile */
  constructor({ stop, stopRegex }: Pick<DecodeParams, 'stop' | 'stopRegex'>) {
    this.stops = [
      ...stop
        .filter((source) => source !== '')
        .map((source) => ({ source, scanner: new StringScanner(source) })),
      ...stopRegex.map((source) => ({ source, scanner: new RegexScanner(compileStopRegex(source)) })),
    ];
  }

  /** Whether there is anything to watch for. */
  get active(): boolean {
    return this.stops.length > 0;
  }

  /** Text before this position may be shown; see `Scanner`. Infinity without stops. */
  get undecidedFrom(): number {
    return this.stops.reduce((from, { scanner }) => Math.min(from, scanner.undecidedFrom), Infinity);
  }

  /** Continues with the text of one token at which the request must not stop. */
  skip(text: string): void {
    for (const { scanner } of this.stops) scanner.skip(text);
  }

  /**
   * Continues with the text of one token; a token without text cannot stop anything. Not to be called after a match.
   * @returns the match that ends the request, if any
   */
  feed(text: string): StopMatch | null {
    if (text === '') return null;
    let first: StopMatch | null = null;
    for (const { source, scanner } of this.stops) {
      const begin = scanner.feed(text);
      if (begin !== null) first ??= { matched: source, begin };
    }
    return first;
  }
}
