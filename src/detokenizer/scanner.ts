/**
 * Watches a growing text for one stop. Positions are UTF-16 units from the beginning of the text. A scanner that has
 * found its match is spent.
 */
export interface Scanner {
  /**
   * Continues with `text`.
   * @returns where the first match in the text so far begins; null when there is none
   */
  feed(text: string): number | null;
  /** Continues with `text`, in which no match may end. */
  skip(text: string): void;
  /** Text before this position can never be part of a match; what follows may be the beginning of one. */
  readonly undecidedFrom: number;
}
