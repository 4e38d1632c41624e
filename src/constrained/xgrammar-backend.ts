import { bug, errorMessage } from '../core/errors';
import { ANY_JSON, type Grammar, type GrammarMatcher } from '../core/grammar';
import { GrammarError, type CompiledGrammar, type GrammarBackend, type JsonStyle } from './grammar-backend';
import type { Vocabulary } from './vocabulary';
import { LengthBound } from './lengths/length-bound';
import { divideLengths, type Node } from './lengths/string-lengths';
import { mergeRules } from './rules';
import { shortestEnd } from './shortest-end';
import { SpecialTokens } from './special-tokens';
import { Speller } from './speller';
import { missingBytes, tokenTexts } from './token-texts';
import { WhitespaceBound } from './whitespace';
import { loadXGrammar, type XGrammarModule } from './xgrammar-module';

type Library = XGrammarModule['library'];
type StructuralTag = Record<string, unknown>;
type EngineGrammar = Awaited<ReturnType<Library['Grammar']['fromEBNF']>>;
type Compiler = Awaited<ReturnType<Library['GrammarCompiler']['createGrammarCompiler']>>;
type Compiled = Awaited<ReturnType<Compiler['compileJSONSchema']>>;
type Matcher = Awaited<ReturnType<Library['GrammarMatcher']['createGrammarMatcher']>>;

/** What an engine is made for. */
export interface EngineSetting {
  readonly vocabulary: Vocabulary;
  /** Length of a row of logits; a vocabulary may be padded to it. */
  readonly vocabSize: number;
  /** Tokens that end a text, at least one. */
  readonly eosTokenIds: readonly number[];
  readonly style: JsonStyle;
}

/** Each refused grammar leaves a little of the engine's stack behind; after so many it is replaced. */
const MAX_REFUSALS = 50;
/** Characters of text that a rule may force. */
const MAX_FORCED = 1024;
/** Where more was forced at once it is not looked for again: it is all read each time. */
const MAX_TEXT = 4096;
const OBJECT_OR_ARRAY = '{"anyOf":[{"type":"object"},{"type":"array"}]}';
const COMPACT = [',', ':'] as const;
/** As Python writes it, and models that were taught to call tools. */
const SPACED = [', ', ': '] as const;
/** In the rules for values of which a schema says nothing. */
const SEPARATOR_OF_ANY = /^(basic_(?:array|object)_1 ::= \("" \| \()", " /gm;
/** Characters of strings of which a schema says nothing: any, and any but `<`, which is to be escaped. */
const CHARACTER = String.raw`[^\0-\U0000001f\"\\\r\n]`;
const CHARACTER_BUT_ANGLE = CHARACTER.replace(']', '<]');

/** The engine `xgrammar`, in WebAssembly. */
export class XGrammarBackend implements GrammarBackend {
  private refusals = 0;
  private isTrapped = false;
  private readonly speller: Speller;
  private boundOfWhitespace: WhitespaceBound | null = null;
  private boundOfLengths: LengthBound | null = null;

  private constructor(
    private readonly module: XGrammarModule,
    private readonly compiler: Compiler,
    private readonly vocabulary: Vocabulary,
    private readonly special: SpecialTokens,
    private readonly style: JsonStyle,
  ) {
    this.speller = new Speller(() => special.texts());
  }

  /** Takes some hundred milliseconds for a large vocabulary. */
  static async create({
    vocabulary,
    vocabSize,
    eosTokenIds,
    style,
  }: EngineSetting): Promise<XGrammarBackend> {
    if (eosTokenIds.length === 0) throw bug('a grammar engine without a token that ends a text');
    const module = loadXGrammar();
    const { GrammarCompiler, TokenizerInfo } = module.library;
    const special = new SpecialTokens(vocabulary, eosTokenIds);
    const info = await TokenizerInfo.createTokenizerInfo(
      special.tokens.slice(0, vocabSize),
      vocabulary.spelling,
      false,
      vocabSize,
      [...eosTokenIds],
    );
    const backend = new XGrammarBackend(
      module,
      // Its own cache would grow without end.
      await GrammarCompiler.createGrammarCompiler(info, false),
      vocabulary,
      special,
      style,
    );
    info.dispose();
    return backend;
  }

  get isPoisoned(): boolean {
    return this.isTrapped || this.refusals >= MAX_REFUSALS;
  }

  async compile(whole: Grammar): Promise<CompiledGrammar> {
    this.module.takeErrors();
    try {
      const { grammar, root } = withoutLengths(whole);
      const meant = new Set<number>();
      const compiled = await this.compileAs(grammar, meant);
      let isBounded: boolean | null = null;
      const findsForced = () => (isBounded ??= this.maxForced(compiled) <= MAX_FORCED);
      const isSpaced = grammar.kind === 'json' && this.style.anyWhitespace;
      const strangers = this.special.strangersTo(meant);
      return {
        matcher: async () => {
          const own = this.guard(await this.newMatcher(compiled), findsForced(), strangers);
          const matcher = root === null ? own : this.lengths.bound(own, root);
          return isSpaced ? this.whitespace.bound(matcher) : matcher;
        },
        dispose: () => compiled.dispose(),
      };
    } catch (error) {
      this.refusals += 1;
      const reason = fatalReason(this.module.takeErrors());
      this.isTrapped ||= reason === null;
      throw new GrammarError(reason ?? `the grammar is too deep or too large (${errorMessage(error)})`);
    }
  }

  private get whitespace(): WhitespaceBound {
    return (this.boundOfWhitespace ??= new WhitespaceBound(tokenTexts(this.vocabulary)));
  }

  private get lengths(): LengthBound {
    return (this.boundOfLengths ??= new LengthBound(tokenTexts(this.vocabulary)));
  }

  /** @param meant gets the special tokens that the grammar names */
  private async compileAs({ kind, source }: Grammar, meant: Set<number>): Promise<Compiled> {
    const { compiler } = this;
    switch (kind) {
      case 'json': {
        if (!this.style.anyWhitespace) return this.compileRules(await this.jsonOnOneLine(source, COMPACT));
        if (source === ANY_JSON) return compiler.compileBuiltinJSONGrammar();
        return compiler.compileJSONSchema(source, true, -1, undefined, true);
      }
      case 'regex':
        return compiler.compileStructuralTag({
          type: 'structural_tag',
          format: { type: 'regex', pattern: source },
        });
      case 'ebnf':
        return this.compileRules(source);
      case 'structural_tag':
        return this.compileTag((await this.withGrammars(JSON.parse(source), meant)) as StructuralTag);
    }
  }

  private async compileTag(tag: StructuralTag): Promise<Compiled> {
    const grammar = await this.module.library.Grammar.fromStructuralTag(tag);
    const merged = mergeRules(rulesOf(grammar));
    return merged === null
      ? this.compiler.compileStructuralTag(tag)
      : this.compileRules(merged.source, merged.root);
  }

  /**
   * A structural tag in which marks have their tokens' names, and schemas are grammars of JSON on one line. Of itself the engine
   * lets any amount of whitespace stand there, and a model that knows no end does not come to one; to bound it takes a minute to
   * compile for the calls of 15 tools.
   * @param meant gets the special tokens that are named
   */
  private async withGrammars(part: unknown, meant: Set<number>): Promise<unknown> {
    if (typeof part === 'string') return this.special.named(part, meant);
    if (Array.isArray(part)) return Promise.all(part.map((inner) => this.withGrammars(inner, meant)));
    if (typeof part !== 'object' || part === null) return part;
    const { type, json_schema: schema, excludes } = part as Readonly<Record<string, unknown>>;
    // Its schema describes another text than JSON.
    if (type === 'qwen_xml_parameter') return part;
    if (type === 'json_schema') {
      const separators = this.style.anyWhitespace ? SPACED : COMPACT;
      const rules = await this.jsonOnOneLine(JSON.stringify(schema), separators);
      return {
        type: 'grammar',
        grammar: excludes === '<' ? rules.replaceAll(CHARACTER, CHARACTER_BUT_ANGLE) : rules,
      };
    }
    const entries = Object.entries(part).map(
      async ([key, value]) => [key, await this.withGrammars(value, meant)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  /** Rules for JSON on one line. Where a schema does not say what a value is, the engine separates with a space whatever it is told. */
  private async jsonOnOneLine(schema: string, separators: readonly [string, string]): Promise<string> {
    const source = schema === ANY_JSON ? OBJECT_OR_ARRAY : schema;
    const { Grammar: engine } = this.module.library;
    const grammar = await engine.fromJSONSchema(source, false, -1, [...separators], true);
    return rulesOf(grammar).replaceAll(SEPARATOR_OF_ANY, `$1"${separators[0]}" `);
  }

  private async compileRules(rules: string, root?: string): Promise<Compiled> {
    const grammar = await this.module.library.Grammar.fromEBNF(rules, root);
    try {
      return await this.compiler.compileGrammar(grammar);
    } finally {
      grammar.dispose();
    }
  }

  /** The engine looks for forced text without end where there is no end to it. */
  private maxForced(compiled: Compiled): number {
    const grammar = compiled.grammar();
    const end = shortestEnd(grammar.toString());
    grammar.dispose();
    return end;
  }

  private newMatcher(compiled: Compiled): Promise<Matcher> {
    return this.module.library.GrammarMatcher.createGrammarMatcher(compiled);
  }

  /**
   * What goes wrong while matching is not the grammar's fault: it was compiled. The engine cannot be trusted after it.
   * @param strangers tokens that may not come, whatever the engine says
   */
  private guard(matcher: Matcher, isForcedFound: boolean, strangers: readonly number[]): GrammarMatcher {
    const texts = tokenTexts(this.vocabulary);
    let looksForForced = isForcedFound;
    let missing = 0;
    const noting = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        this.isTrapped = true;
        throw error;
      }
    };
    return {
      mask: async () => {
        try {
          const words = await matcher.getNextTokenBitmask();
          for (const id of strangers) words[id >>> 5] = (words[id >>> 5] ?? 0) & ~(1 << (id & 31));
          return words;
        } catch (error) {
          this.isTrapped = true;
          throw error;
        }
      },
      forced: () => {
        // What follows a part of a character is no text, and the engine's reading of it is made up.
        if (!looksForForced || missing > 0) return [];
        const text = noting(() => matcher.findJumpForwardString());
        // Rules that are begun by the thousand have a text as long to end them all.
        looksForForced = text.length <= MAX_TEXT;
        return this.speller.spell(text);
      },
      accept: (id) => {
        const isAccepted = noting(() => matcher.acceptToken(id));
        if (isAccepted) missing = missingBytes(texts[id] ?? '', missing);
        return isAccepted;
      },
      get isTerminated() {
        return noting(() => matcher.isTerminated());
      },
      dispose: () => matcher.dispose(),
    };
  }
}

/** A grammar's rules as text; it is disposed of. The engine writes `\\x02`, and where a letter follows it would read `\\x02a`. */
function rulesOf(grammar: EngineGrammar): string {
  const rules = grammar.toString();
  grammar.dispose();
  return rules.replace(/\\(?:x([0-9a-f]{2})|.)/g, (written, code?: string) =>
    code === undefined ? written : `\\U000000${code}`,
  );
}

/** The grammar for the engine, and the lengths of strings that are counted beside it. */
function withoutLengths(grammar: Grammar): { readonly grammar: Grammar; readonly root: Node | null } {
  if (grammar.kind !== 'json' || grammar.source === ANY_JSON) return { grammar, root: null };
  const { schema, root } = divideLengths(JSON.parse(grammar.source));
  return root === null
    ? { grammar, root }
    : { grammar: { ...grammar, source: JSON.stringify(schema) }, root };
}

/** The engine's own words for why it gave up: `[FATAL] file:line: reason`; null where it said nothing. */
function fatalReason(lines: readonly string[]): string | null {
  const fatal = lines.find((line) => line.includes('[FATAL]'));
  if (fatal === undefined) return null;
  return fatal.replace(/^.*?\[FATAL\]\s*(\S+:\d+:\s*)?/s, '').replace(/^Check failed: .*? is false: /s, '');
}
