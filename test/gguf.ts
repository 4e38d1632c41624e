import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes GGUF files for tests, from the format's description: nothing here is shared with what reads them. */

/** A value with the number that stands for its type. */
export type Value =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly i32s: readonly number[] }
  | { readonly f32s: readonly number[] };

export interface Tensor {
  readonly name: string;
  /** The number of its type. */
  readonly type: number;
  /** Rows first; written the other way round. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  /** In place of where it would lie. */
  readonly offset?: number;
}

export interface Contents {
  readonly metadata: Readonly<Record<string, Value>>;
  readonly tensors: readonly Tensor[];
  readonly version?: number;
  /** In place of the true numbers. */
  readonly tensorCount?: bigint;
  readonly entryCount?: bigint;
}

export const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
};
const list = (type: number, items: readonly Buffer[]): Buffer =>
  Buffer.concat([u32(9), u32(type), u64(items.length), ...items]);

function encode(value: Value): Buffer {
  if ('u32' in value) return Buffer.concat([u32(4), u32(value.u32)]);
  if ('f32' in value) return Buffer.concat([u32(6), f32(value.f32)]);
  if ('bool' in value) return Buffer.concat([u32(7), Buffer.from([value.bool ? 1 : 0])]);
  if ('text' in value) return Buffer.concat([u32(8), text(value.text)]);
  if ('texts' in value) return list(8, value.texts.map(text));
  if ('i32s' in value) return list(5, value.i32s.map(u32));
  return list(6, value.f32s.map(f32));
}

const padded = (bytes: number) => Math.ceil(bytes / 32) * 32;

export function gguf({ metadata, tensors, version = 3, tensorCount, entryCount }: Contents): Buffer {
  const entries = Object.entries(metadata).map(([key, value]) => Buffer.concat([text(key), encode(value)]));
  let end = 0;
  const data: Buffer[] = [];
  const infos = tensors.map(({ name, type, shape, bytes, offset }) => {
    const at = offset ?? end;
    end += padded(bytes.length);
    data.push(Buffer.from(bytes), Buffer.alloc(padded(bytes.length) - bytes.length));
    return Buffer.concat([text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(at)]);
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(tensorCount ?? tensors.length),
    u64(entryCount ?? entries.length),
    ...entries,
    ...infos,
  ]);
  return Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...data]);
}

/** Numbers of types that hold floats as they are. */
export const FLOAT_TYPES = { F32: 0, F16: 1, BF16: 30 } as const;

/** Tokens, merges and template of a folder with a byte-level tokenizer. */
export function byteLevelTokenizer(dir: string, pre: string): Record<string, Value> {
  const read = (name: string) => JSON.parse(readFileSync(join(dir, name), 'utf8')) as Record<string, unknown>;
  const { model, added_tokens: added } = read('tokenizer.json') as {
    model: { vocab: Record<string, number>; merges: (string | [string, string])[] };
    added_tokens: { id: number; content: string; special: boolean }[];
  };
  const config = read('tokenizer_config.json');
  const tokens: string[] = [];
  const types: number[] = [];
  for (const [token, id] of Object.entries(model.vocab)) [tokens[id], types[id]] = [token, 1];
  for (const { id, content, special } of added) [tokens[id], types[id]] = [content, special ? 3 : 4];
  const id = (name: string) => tokens.indexOf(String(config[`${name}_token`]));
  return {
    'tokenizer.ggml.model': { text: 'gpt2' },
    'tokenizer.ggml.pre': { text: pre },
    'tokenizer.ggml.tokens': { texts: tokens },
    'tokenizer.ggml.token_type': { i32s: types },
    'tokenizer.ggml.merges': {
      texts: model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    },
    ...(id('eos') < 0 ? {} : { 'tokenizer.ggml.eos_token_id': { u32: id('eos') } }),
    ...(typeof config['chat_template'] === 'string'
      ? { 'tokenizer.chat_template': { text: config['chat_template'] } }
      : {}),
  };
}
