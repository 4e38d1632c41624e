/** A byte-level BPE tokenizer: its alphabet, the learning of merges, and the tokenizer.json that holds both. */

/** Splits text before bytes are merged; what tokenizer.json states in the dialect of the tokenizers library. */
const SPLIT = String.raw`'s|'t|'re|'ve|'m|'ll|'d|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

/** The printable stand-in of each byte: itself where it is printable Latin-1, else a letter from U+0100 on. */
export function byteAlphabet() {
  const isPrintable = (byte) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
}

/** The `count` merges that shorten the text most, each found after applying those before it; ties go to the first. */
export function learnMerges(text, count) {
  const alphabet = byteAlphabet();
  const words = text
    .match(new RegExp(SPLIT, 'gu'))
    .map((word) => [...Buffer.from(word)].map((byte) => alphabet[byte]));
  const merges = [];
  while (merges.length < count) {
    const counts = new Map();
    for (const word of words) {
      for (let at = 1; at < word.length; at++) {
        const pair = `${word[at - 1]} ${word[at]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
    const [left, right] = best.split(' ');
    merges.push([left, right]);
    for (const word of words) {
      for (let at = 1; at < word.length; at++) {
        if (word[at - 1] === left && word[at] === right) word.splice(at - 1, 2, left + right);
      }
    }
  }
  return merges;
}

/** Ids: bytes in the order of their stand-ins, then merges in the order they were learnt, then special tokens. */
export function tokenizerJson(merges, specialTokens) {
  const tokens = [...byteAlphabet().sort(), ...merges.map((pair) => pair.join(''))];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, at) => ({
      id: tokens.length + at,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: SPLIT }, behavior: 'Isolated', invert: false },
        byteLevel,
      ],
    },
    post_processor: byteLevel,
    decoder: { ...byteLevel, add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map((pair) => pair.join(' ')),
    },
  };
}
