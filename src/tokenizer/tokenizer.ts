import type { PreTrainedTokenizer } from '@huggingface/transformers' with { 'resolution-mode': 'import' };
import { errorMessage, RequestError, StartupError } from '../core/errors';
import { mendByteFallback } from './byte-fallback';
import { readTokenizerFiles, tokenizerPath } from './tokenizer-files';

export interface EncodeOptions {
  /** Add what the model's template puts around a text, such as a begin-of-sequence token. Default true. */
  readonly addSpecialTokens?: boolean;
}

/** Two texts as one, for models that judge a pair. */
export interface EncodedPair {
  readonly ids: number[];
  /** First token of the second text; null where the tokenizer does not tell the two apart. */
  readonly pairAt: number | null;
}

export interface DecodeOptions {
  /** Leave special tokens out of the text. Default false. */
  readonly skipSpecialTokens?: boolean;
  /**
   * Drop spaces before punctuation where the tokenizer's configuration asks for it. Without it, more ids never change
   * the text of those before. Default true.
   */
  readonly cleanUpSpaces?: boolean;
}

/** What a chat template is rendered with, under the names that templates read; it may read more than these. */
export interface TemplateVariables {
  readonly messages: readonly object[];
  readonly tools: readonly object[] | null;
  /** Whether the prompt ends where the next answer begins. */
  readonly add_generation_prompt: boolean;
  readonly [name: string]: unknown;
}

/**
 * Text to token ids and back. One instance belongs to one process; calls are synchronous and keep no state between
 * them beyond caches.
 */
export interface Tokenizer {
  /** Ids run from 0 to `vocabSize - 1`; the model's own vocabulary may be padded beyond that. */
  readonly vocabSize: number;
  readonly eosTokenId: number | null;
  readonly bosTokenId: number | null;
  /** The length the tokenizer's authors declare, in tokens; -1 when they declare none. */
  readonly modelMaxLength: number;
  /**
   * No token stands for more UTF-16 units of text than this, so a text of n units has at least n / maxTokenLength
   * tokens. Infinity where one token may swallow any length of text (unknown words).
   */
  readonly maxTokenLength: number;
  /** Text that has no token, where the vocabulary lacks an unknown token, is left out. */
  encode(text: string, options?: EncodeOptions): number[];
  /** Two texts with what the model's template puts around and between them. */
  encodePair(text: string, pair: string): EncodedPair;
  /** Ids that stand for no token are left out; no ids at all give the empty string. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /**
   * The text one token adds after other text: a leading space is kept, where `decode([id])` may drop it. Bytes of an
   * unfinished character come out as U+FFFD.
   */
  tokenText(id: number): string;
  /**
   * The prompt that a Jinja template makes of a conversation; it also knows the special tokens by their names.
   * @throws RequestError `bad_value` in the template's own words
   */
  renderChat(template: string, variables: TemplateVariables): string;
}

/** Declared lengths from here on are Hugging Face's marker for "no limit" (1e30), not lengths. */
const NO_LIMIT = 1e15;

const TOKEN_TEXT_CACHE_SIZE = 65_536;

/**
 * Reads the tokenizer of a model folder, or of a GGUF file. The network is never used.
 * @throws StartupError in one line that names the file, when one is missing, damaged or of an unknown kind
 */
export async function loadTokenizer(directory: string): Promise<Tokenizer> {
  const { definition, config } = readTokenizerFiles(directory);
  const library = await import('@huggingface/transformers');
  library.env.allowRemoteModels = false;
  try {
    const engine = new library.PreTrainedTokenizer(definition, normalizeConfig(config));
    mendByteFallback((engine as unknown as Internals)._tokenizer?.decoder);
    return new HuggingFaceTokenizer(engine, definition as unknown as Definition);
  } catch (error) {
    throw new StartupError(
      `${tokenizerPath(directory)} cannot be used as a tokenizer: ${errorMessage(error)}`,
    );
  }
}

/** What the library makes of a pair; a text without a token, where there is none for unknown ones, is a hole. */
interface RawPair {
  readonly input_ids: readonly (number | undefined)[];
  readonly token_type_ids?: readonly number[];
}

/** Where the library keeps its decoder. */
interface Internals {
  readonly _tokenizer?: { readonly decoder?: Parameters<typeof mendByteFallback>[0] };
}

/** Special tokens may be written as text or as an object with `content`; only text is understood below. */
function normalizeConfig(config: Record<string, unknown>): Record<string, unknown> {
  const normalized: Record<string, unknown> = { ...config };
  for (const [key, value] of Object.entries(config)) {
    if (key.endsWith('_token') && typeof value === 'object' && value !== null && 'content' in value) {
      normalized[key] = value.content;
    }
  }
  // Hugging Face's own default; the library below would otherwise drop spaces before punctuation.
  normalized['clean_up_tokenization_spaces'] ??= false;
  return normalized;
}

/** The parts of tokenizer.json that are read here, not checked: the library has accepted the file before. */
interface Definition {
  readonly model: {
    readonly type?: string;
    readonly vocab: Record<string, number> | [token: string, score: number][];
    readonly byte_fallback?: boolean;
    readonly unk_token?: string | null;
  };
  readonly added_tokens: readonly { readonly id: number; readonly content: string }[];
}

/** Tokens by id; ids without a token are holes. */
function vocabularyOf({ model, added_tokens }: Definition): (string | undefined)[] {
  const tokens: (string | undefined)[] = [];
  if (Array.isArray(model.vocab)) model.vocab.forEach(([token], id) => (tokens[id] = token));
  else for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  for (const { id, content } of added_tokens) tokens[id] = content;
  return tokens;
}

/** Whether every piece of text costs tokens in proportion: byte-level BPE, or BPE that falls back to bytes. */
function isBounded({ type, byte_fallback, unk_token }: Definition['model']): boolean {
  return type === 'BPE' && (byte_fallback === true || (unk_token ?? null) === null);
}

class HuggingFaceTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly eosTokenId: number | null;
  readonly bosTokenId: number | null;
  readonly modelMaxLength: number;
  readonly maxTokenLength: number;
  private readonly vocabulary: readonly (string | undefined)[];
  private readonly specialIds: ReadonlySet<number>;
  /** A token with text of its own, put before another so that the other is decoded as a continuation. */
  private readonly anchor: { readonly id: number; readonly text: string } | null;
  private readonly tokenTexts = new Map<number, string>();

  constructor(
    private readonly engine: PreTrainedTokenizer,
    definition: Definition,
  ) {
    this.vocabulary = vocabularyOf(definition);
    this.vocabSize = this.vocabulary.length;
    this.maxTokenLength = isBounded(definition.model)
      ? this.vocabulary.reduce((max, token) => Math.max(max, token?.length ?? 0), 1)
      : Infinity;
    this.eosTokenId = engine.eos_token_id ?? null;
    this.bosTokenId = engine.bos_token_id ?? null;
    const declared: unknown = engine.model_max_length;
    this.modelMaxLength = typeof declared === 'number' && declared < NO_LIMIT ? declared : -1;
    this.specialIds = new Set(engine.all_special_ids);
    this.anchor = this.findAnchor();
  }

  encode(text: string, { addSpecialTokens = true }: EncodeOptions = {}): number[] {
    const ids: (number | undefined)[] = this.engine.encode(text, { add_special_tokens: addSpecialTokens });
    return ids.filter((id) => id !== undefined);
  }

  encodePair(text: string, pair: string): EncodedPair {
    const options = { text_pair: pair, return_token_type_ids: true, return_tensor: false };
    const { input_ids, token_type_ids } = this.engine(text, options) as RawPair;
    const types = token_type_ids?.filter((_, at) => input_ids[at] !== undefined);
    const pairAt = types?.indexOf(1) ?? -1;
    return { ids: input_ids.filter((id) => id !== undefined), pairAt: pairAt === -1 ? null : pairAt };
  }

  decode(
    ids: ArrayLike<number>,
    { skipSpecialTokens = false, cleanUpSpaces = true }: DecodeOptions = {},
  ): string {
    const kept: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? -1;
      if (this.vocabulary[id] === undefined) continue;
      if (skipSpecialTokens && this.specialIds.has(id)) continue;
      kept.push(id);
    }
    if (kept.length === 0) return '';
    const tidying = cleanUpSpaces ? {} : { clean_up_tokenization_spaces: false };
    return this.engine.decode(kept, { skip_special_tokens: skipSpecialTokens, ...tidying });
  }

  tokenText(id: number): string {
    const cached = this.tokenTexts.get(id);
    if (cached !== undefined) return cached;
    const text = this.decodeAfterAnchor(id);
    // Vocabularies beyond the cache are rare; starting over keeps it bounded without bookkeeping.
    if (this.tokenTexts.size >= TOKEN_TEXT_CACHE_SIZE) this.tokenTexts.clear();
    this.tokenTexts.set(id, text);
    return text;
  }

  renderChat(template: string, variables: TemplateVariables): string {
    const { messages, tools, ...others } = variables;
    const options = { ...others, tools: tools as Record<string, unknown>[], chat_template: template };
    try {
      return String(this.engine.apply_chat_template(messages as never, { ...options, tokenize: false }));
    } catch (error) {
      throw new RequestError('bad_value', `The chat template refuses this: ${errorMessage(error)}`);
    }
  }

  private decodeAfterAnchor(id: number): string {
    if (this.vocabulary[id] === undefined) return '';
    if (this.anchor === null) return this.decode([id]);
    const text = this.engine.decode([this.anchor.id, id], { clean_up_tokenization_spaces: false });
    return text.startsWith(this.anchor.text) ? text.slice(this.anchor.text.length) : this.decode([id]);
  }

  private findAnchor(): { readonly id: number; readonly text: string } | null {
    const id = this.encode('a', { addSpecialTokens: false }).at(-1);
    if (id === undefined || this.specialIds.has(id)) return null;
    return { id, text: this.engine.decode([id], { clean_up_tokenization_spaces: false }) };
  }
}
