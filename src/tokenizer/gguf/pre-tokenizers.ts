/** How texts are cut before pairs are merged: a GGUF file says it by a name alone, the rest is known or not. */

export interface PreTokenizer {
  readonly normalizer: object | null;
  readonly steps: readonly object[];
  /** A piece that is a token as a whole is taken, whether or not merges lead to it. */
  readonly ignoresMerges: boolean;
  /** Whether texts begin with the begin-of-sequence token where the file does not say. */
  readonly addsBos: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/** `digits` is what a number is cut into. */
const words = (digits: string) => String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}|${REST}`;
const LOWER = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const UPPER = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const casedRest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
/** Words that are cut where lower case turns into upper case. */
const cased = (digits: string, end: string) =>
  [`${UPPER}*${LOWER}+`, `${UPPER}+${LOWER}*`]
    .map((word) => String.raw`[^\r\n\p{L}\p{N}]?${word}${end}`)
    .concat(digits, casedRest)
    .join('|');

const spell = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
const gpt2 = { ...spell, use_regex: true };
const split = (regex: string) => ({
  type: 'Split',
  pattern: { Regex: regex },
  behavior: 'Isolated',
  invert: false,
});

const PLAIN = { normalizer: null, ignoresMerges: false, addsBos: false };
const GPT2: PreTokenizer = { ...PLAIN, steps: [gpt2] };
const SINGLE_DIGITS: PreTokenizer = { ...PLAIN, steps: [{ type: 'Digits', individual_digits: true }, gpt2] };
const DBRX: PreTokenizer = { ...PLAIN, steps: [split(words(String.raw`\p{N}{1,3}`)), spell] };
const LLAMA3: PreTokenizer = { ...DBRX, ignoresMerges: true, addsBos: true };
const QWEN2: PreTokenizer = {
  ...PLAIN,
  normalizer: { type: 'NFC' },
  steps: [split(words(String.raw`\p{N}`)), spell],
};
const TEKKEN: PreTokenizer = {
  ...PLAIN,
  steps: [split(cased(String.raw`\p{N}`, '')), spell],
  ignoresMerges: true,
  addsBos: true,
};
const GPT4O: PreTokenizer = {
  ...PLAIN,
  steps: [split(cased(String.raw`\p{N}{1,3}`, `${CONTRACTIONS}?`)), spell],
};

/** By the names in `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizer> = new Map([
  ['gpt-2', GPT2],
  ['olmo', GPT2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['dbrx', DBRX],
  ['smaug-bpe', DBRX],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['tekken', TEKKEN],
  ['gpt-4o', GPT4O],
]);
