import { mark, replaceMarks } from '../core/grammar';
import { lettersOfBytes, tokenTexts } from './token-texts';
import type { Vocabulary } from './vocabulary';

/** What begins the names of special tokens. Nothing a model may choose has it: JSON strings have no control characters. */
const [SIGN = ''] = mark('');

/**
 * The special tokens of a vocabulary as the engine knows them. It matches text, and takes a special token for the text that it
 * stands for wherever that text may come. So here each has a name instead, which stands in no text but where a mark was.
 */
export class SpecialTokens {
  /** The vocabulary as the engine gets it: special tokens by their names, but for those that end a text. */
  readonly tokens: readonly string[];
  private readonly ids = new Map<string, number>();
  private impostors: readonly number[] | null = null;

  constructor(
    private readonly vocabulary: Vocabulary,
    eosTokenIds: readonly number[],
  ) {
    const { tokens, added, spelling } = vocabulary;
    for (const [id, content] of added) {
      if (tokens[id] === '' && content !== '' && !eosTokenIds.includes(id)) this.ids.set(content, id);
    }
    const spelled = [...tokens];
    for (const id of this.ids.values()) {
      const name = nameOf(id);
      spelled[id] = spelling === 'byte_level' ? lettersOfBytes(name) : name;
    }
    this.tokens = spelled;
  }

  /**
   * A text with names of special tokens in the place of marks; where there is no such token it is the text of the mark.
   * @param meant gets the tokens that are named
   */
  named(text: string, meant: Set<number>): string {
    return replaceMarks(text, (marked) => {
      const id = this.ids.get(marked);
      if (id === undefined) return marked;
      meant.add(id);
      return nameOf(id);
    });
  }

  /**
   * The tokens that may not come in a grammar, though the engine may allow them where it takes any text.
   * @param meant the special tokens that it names
   */
  strangersTo(meant: ReadonlySet<number>): readonly number[] {
    const others = [...this.ids.values()].filter((id) => !meant.has(id));
    return meant.size === 0 ? others : [...others, ...this.spelling()];
  }

  /** What forced text can be written with: by id, each character a byte; empty for tokens that are not to be drawn for it. */
  texts(): readonly string[] {
    const { tokens } = this.vocabulary;
    const texts = tokenTexts(this.vocabulary).map((text, id) =>
      tokens[id] === '' || text.includes(SIGN) ? '' : text,
    );
    for (const id of this.ids.values()) texts[id] = nameOf(id);
    return texts;
  }

  /** Tokens of text that could spell a name. */
  private spelling(): readonly number[] {
    return (this.impostors ??= tokenTexts(this.vocabulary).flatMap((text, id) =>
      text.includes(SIGN) ? [id] : [],
    ));
  }
}

function nameOf(id: number): string {
  return mark(String(id));
}
