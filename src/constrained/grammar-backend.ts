import type { Grammar, GrammarMatcher } from '../core/grammar';

/** A grammar made ready for one vocabulary. */
export interface CompiledGrammar {
  /** A matcher at the beginning of the grammar. It lives on when the grammar is disposed of. */
  matcher(): Promise<GrammarMatcher>;
  dispose(): void;
}

/** How JSON is written. */
export interface JsonStyle {
  /** Whether whitespace may stand wherever JSON allows it; otherwise none does. */
  readonly anyWhitespace: boolean;
}

/** An engine of grammars, bound to a vocabulary. */
export interface GrammarBackend {
  /**
   * Blocks the thread for as long as it takes.
   * @throws GrammarError with the engine's reason when it refuses the grammar
   */
  compile(grammar: Grammar): Promise<CompiledGrammar>;
  /** Whether it has failed in a way that leaves its memory in doubt; a new one is to take its place. */
  readonly isPoisoned: boolean;
}

/** A grammar that cannot be compiled, and why. */
export class GrammarError extends Error {
  override readonly name = 'GrammarError';
}
