import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SHIPPED = join(__dirname, '..', '..', 'models', 'demo-chat');

interface Definition {
  readonly model: { readonly vocab: Record<string, number> };
  readonly added_tokens: readonly { readonly id: number }[];
}

/**
 * The shipped tokenizer with made-up tokens, two of its own joined, up to `size`. They encode no text: what is measured with it is what
 * a vocabulary of that size costs to look through.
 * @returns a temporary folder with its files; the caller deletes it
 */
export function wideTokenizer(size: number): string {
  const definition = JSON.parse(readFileSync(join(SHIPPED, 'tokenizer.json'), 'utf8')) as Definition;
  const { vocab } = definition.model;
  const tokens = Object.keys(vocab);
  let next = 1 + Math.max(...Object.values(vocab), ...definition.added_tokens.map(({ id }) => id));
  for (let i = 0; next < size; i++) {
    // Steps that are prime to the number of tokens, so that all of them come first and come second.
    const token = `${tokens[(i * 7919) % tokens.length]}${tokens[(i * 104_729 + (i >> 9)) % tokens.length]}`;
    if (!Object.hasOwn(vocab, token)) vocab[token] = next++;
  }
  const folder = mkdtempSync(join(tmpdir(), 'wide-tokenizer-'));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(definition));
  copyFileSync(join(SHIPPED, 'tokenizer_config.json'), join(folder, 'tokenizer_config.json'));
  return folder;
}
