import { RequestError } from '../core/errors';
import type { Grammar, GrammarMatcher } from '../core/grammar';
import { GrammarTimeout, type CompileThread } from './compile-thread';
import { GrammarError, type CompiledGrammar } from './grammar-backend';
import { XGrammarBackend, type EngineSetting } from './xgrammar-backend';

/** What is told of each grammar that was asked for. */
export interface CompilerNews {
  readonly grammar: Grammar;
  readonly outcome: 'hit' | 'compiled' | 'refused' | 'timeout';
  /** Time it took; 0 for a hit. */
  readonly seconds: number;
}

interface Entry {
  readonly compiled: Promise<CompiledGrammar>;
  /** Requests that wait for it. */
  waiting: number;
}

const MAX_ENTRIES = 128;
/** Characters of the sources of all grammars that are kept. What one compiles to is bounded by the time it may take. */
const MAX_CHARACTERS = 16 * 2 ** 20;

/**
 * Compiles each grammar once and keeps the last ones, refused ones too. A grammar is first compiled on a thread of its own, within
 * a time limit; what it compiles to cannot leave that thread, so that what compiled there is compiled again here.
 */
export class GrammarCompiler {
  /** In order of use. */
  private readonly entries = new Map<string, Entry>();
  private backend: XGrammarBackend | null = null;

  constructor(
    private readonly thread: CompileThread,
    private readonly tell: (news: CompilerNews) => void = () => undefined,
  ) {}

  /**
   * @param gone fires when the grammar is not wanted any more
   * @returns a matcher at the beginning of the grammar
   * @throws RequestError `bad_value` with the reason why it does not compile
   */
  async matcher(grammar: Grammar, gone: AbortSignal): Promise<GrammarMatcher> {
    if (this.backend?.isPoisoned === true) this.clear();
    const key = `${grammar.kind}\0${grammar.source}`;
    const known = this.entries.get(key);
    const entry = known ?? this.add(key, grammar);
    if (known) {
      // The last one used is the last to go.
      this.entries.delete(key);
      this.entries.set(key, known);
      this.tell({ grammar, outcome: 'hit', seconds: 0 });
    }
    entry.waiting += 1;
    let waits = true;
    const leave = () => {
      if (waits) entry.waiting -= 1;
      waits = false;
    };
    gone.addEventListener('abort', leave, { once: true });
    try {
      return await (await entry.compiled).matcher();
    } finally {
      leave();
      gone.removeEventListener('abort', leave);
    }
  }

  /** Forgets all grammars. Requests that have theirs keep it. */
  clear(): void {
    for (const key of [...this.entries.keys()]) this.forget(key);
    this.backend = null;
  }

  private add(key: string, grammar: Grammar): Entry {
    const entry: Entry = { compiled: this.compile(grammar, () => entry.waiting > 0), waiting: 0 };
    this.entries.set(key, entry);
    // What failed for no fault of the grammar's own is tried again.
    entry.compiled.catch((error: unknown) => {
      if (!(error instanceof RequestError) && this.entries.get(key) === entry) this.entries.delete(key);
    });
    this.evict();
    return entry;
  }

  private async compile(grammar: Grammar, wanted: () => boolean): Promise<CompiledGrammar> {
    const startedAt = performance.now();
    const seconds = () => (performance.now() - startedAt) / 1000;
    try {
      const setting = await this.thread.attempt(grammar, wanted);
      const compiled = await (await this.engine(setting)).compile(grammar);
      this.tell({ grammar, outcome: 'compiled', seconds: seconds() });
      return compiled;
    } catch (error) {
      if (!wanted() || !(error instanceof GrammarError)) throw error;
      const outcome = error instanceof GrammarTimeout ? 'timeout' : 'refused';
      this.tell({ grammar, outcome, seconds: seconds() });
      throw new RequestError('bad_value', `Failed to compile ${grammar.kind} grammar: ${error.message}`);
    }
  }

  private async engine(setting: EngineSetting): Promise<XGrammarBackend> {
    if (this.backend === null || this.backend.isPoisoned) {
      this.backend = await XGrammarBackend.create(setting);
    }
    return this.backend;
  }

  private evict(): void {
    let characters = [...this.entries.keys()].reduce((sum, key) => sum + key.length, 0);
    for (const key of [...this.entries.keys()]) {
      if (this.entries.size <= MAX_ENTRIES && characters <= MAX_CHARACTERS) return;
      if ((this.entries.get(key)?.waiting ?? 0) > 0) continue;
      characters -= key.length;
      this.forget(key);
    }
  }

  private forget(key: string): void {
    const entry = this.entries.get(key);
    this.entries.delete(key);
    entry?.compiled.then(
      (compiled) => compiled.dispose(),
      () => undefined,
    );
  }
}
