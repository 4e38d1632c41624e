import { join } from 'node:path';
import { openCheckpoint } from '../../../../src/checkpoint/checkpoint';
import { readGguf } from '../../../../src/checkpoint/gguf/gguf-file';
import { StartupError } from '../../../../src/core/errors';
import { readModel } from '../../../../src/models/registry';
import { gguf, text, u32, u64, type Contents } from '../../../gguf';
import { converted } from '../../../gguf-conversion';
import { Folders } from '../folders';

const folders = new Folders();
afterAll(() => folders.removeAll());

const fileOf = (bytes: Uint8Array) => join(folders.create({ 'a.gguf': bytes }), 'a.gguf');

/** The error of one line that a file costs. */
function fault(bytes: Uint8Array, open: (file: string) => unknown = readGguf): string {
  const file = fileOf(bytes);
  try {
    open(file);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    expect(error.message).not.toContain('\n');
    expect(error.message.startsWith(`${file}: `)).toBe(true);
    return error.message.slice(file.length + 2);
  }
  return 'nothing';
}

const TINY: Contents = {
  metadata: {
    'general.architecture': { text: 'llama' },
    'llama.block_count': { u32: 1 },
    'tokenizer.ggml.tokens': { texts: ['a', 'b'] },
  },
  tensors: [
    { name: 'first', type: 0, shape: [2, 3], bytes: new Uint8Array(24) },
    { name: 'second', type: 8, shape: [2, 32], bytes: new Uint8Array(68) },
  ],
};
const LLAMA = converted(join(__dirname, '../../../model/checkpoints/llama-head-dim-8'));

describe('a GGUF file', () => {
  it('says what it holds', () => {
    const { metadata, tensors } = readGguf(fileOf(gguf(TINY)));
    expect(metadata.texts('tokenizer.ggml.tokens')).toEqual(['a', 'b']);
    expect([...tensors.values()].map(({ name, shape, byteLength }) => [name, shape, byteLength])).toEqual([
      ['first', [2, 3], 24],
      ['second', [2, 32], 68],
    ]);
  });

  it('is refused wherever it is cut off', () => {
    const whole = gguf(TINY);
    // The padding behind the last tensor may be missing.
    const needed = whole.length - 28;
    for (let length = 0; length < needed; length++) {
      expect([length, fault(whole.subarray(0, length))]).not.toEqual([length, 'nothing']);
    }
    expect(fault(whole.subarray(0, needed))).toBe('nothing');
    expect(fault(whole.subarray(0, needed - 1))).toBe(
      "tensor 'second' ends 1 bytes after the file (truncated?)",
    );
    expect(fault(whole.subarray(0, 100))).toMatch(/truncated/);
  });

  it('is refused or read whatever bytes of it change, and never costs more than an error', () => {
    const whole = gguf(TINY);
    for (let at = 0; at < whole.length - 128; at++) {
      for (const value of [0, 0x7f, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = value;
        fault(changed);
      }
    }
  });

  const start = (tensors: Buffer, entries: Buffer) =>
    Buffer.concat([Buffer.from('GGUF'), u32(3), tensors, entries]);

  it.each<[string, Uint8Array, RegExp]>([
    ['that is empty', new Uint8Array(), /^is too short for a GGUF file$/],
    ['of another kind', Buffer.alloc(64), /^is no GGUF file$/],
    ['of version 1', gguf({ ...TINY, version: 1 }), /^version 1 of the format, which is not supported/],
    ['in the other order of bytes', gguf({ ...TINY, version: 3 * 2 ** 24 }), /big-endian/],
    ['with endless tensors', gguf({ ...TINY, tensorCount: 2n ** 63n }), /tensors do not fit into the file/],
    ['with endless entries', gguf({ ...TINY, entryCount: 2n ** 40n }), /metadata entries do not fit/],
    [
      'with an endless text',
      Buffer.concat([start(u64(0), u64(1)), u64(2n ** 62n), Buffer.alloc(64)]),
      /^ends within its header/,
    ],
    [
      'with an endless list',
      Buffer.concat([start(u64(0), u64(1)), text('k'), u32(9), u32(8), u64(2n ** 61n), Buffer.alloc(64)]),
      /^\d+ items of 'k' do not fit/,
    ],
    [
      'with lists of lists',
      Buffer.concat([start(u64(0), u64(1)), text('k'), u32(9), u32(9), u64(1), Buffer.alloc(64)]),
      /^'k' is a list of type 9/,
    ],
    [
      'with an unknown type of value',
      Buffer.concat([start(u64(0), u64(1)), text('k'), u32(77), Buffer.alloc(64)]),
      /^'k' has type 77/,
    ],
    [
      'with a key twice',
      Buffer.concat([
        start(u64(0), u64(2)),
        ...[0, 1].flatMap(() => [text('k'), u32(4), u32(1)]),
        Buffer.alloc(64),
      ]),
      /^'k' is in it twice$/,
    ],
  ])('%s is refused', (_, bytes, message) => {
    expect(fault(bytes)).toMatch(message);
  });

  const [first, second] = TINY.tensors as [Contents['tensors'][number], Contents['tensors'][number]];
  it.each<[string, Contents['tensors'], RegExp]>([
    ['overlaps', [first, { ...second, offset: 0 }], /overlaps another tensor/],
    ['lies behind the end', [first, { ...second, offset: 2 ** 40 }], /bytes after the file/],
    ['is not aligned', [first, { ...second, offset: 33 }], /'second' is not aligned to 32 bytes/],
    ['is there twice', [first, { ...second, name: 'first' }], /'first' is in it twice/],
    [
      'has half a block in a row',
      [{ ...second, shape: [4, 16] }],
      /of type Q8_0 cannot have shape \[4, 16\]/,
    ],
    ['is of no size', [{ ...first, shape: [0, 4] }], /cannot have shape \[0, 4\]/],
    ['is of more sizes than can be', [{ ...first, shape: [2 ** 30, 2 ** 30, 2 ** 30] }], /cannot have shape/],
    ['has a type that nobody knows', [{ ...first, type: 99 }], /is stored as type 99, which is not known/],
  ])('with a tensor that %s is refused', (_, tensors, message) => {
    expect(fault(gguf({ ...TINY, tensors }))).toMatch(message);
  });

  it('of an unknown architecture is refused by name', () => {
    const other = { ...LLAMA, metadata: { ...LLAMA.metadata, 'general.architecture': { text: 'rwkv6' } } };
    expect(fault(gguf(other), (file) => readModel(file, {}, 'generation'))).toMatch(
      /^architecture 'rwkv6' is not supported \(supported: llama, /,
    );
  });

  it('that is a part of several is refused', () => {
    const part = { ...LLAMA, metadata: { ...LLAMA.metadata, 'split.count': { u32: 3 } } };
    expect(fault(gguf(part), (file) => readModel(file, {}, 'generation'))).toMatch(/^is one of 3 files/);
  });

  it('tells what is wrong with the config by its name there', () => {
    const metadata = Object.fromEntries(
      Object.entries(LLAMA.metadata).filter(([key]) => key !== 'llama.context_length'),
    );
    expect(fault(gguf({ ...LLAMA, metadata }), (file) => readModel(file, {}, 'generation'))).toBe(
      "'max_position_embeddings' is missing",
    );
    const wrong = { ...LLAMA.metadata, 'llama.block_count': { text: 'two' } };
    expect(fault(gguf({ ...LLAMA, metadata: wrong }), (file) => readModel(file, {}, 'generation'))).toMatch(
      /^'llama.block_count' must be a whole number from 0 to \d+, found 'two'$/,
    );
  });

  it('with a tensor in a type that is not supported is refused when it is needed', () => {
    const tensors = [{ name: 'output_norm.weight', type: 10, shape: [256], bytes: new Uint8Array(84) }];
    const get = (file: string) => openCheckpoint(file).get('model.norm.weight', [256]);
    expect(fault(gguf({ ...LLAMA, tensors }), get)).toMatch(
      /^tensor 'output_norm.weight' is stored as Q2_K, which is not supported \(F32, /,
    );
  });

  it('lacking a tensor, or with one of another shape, is refused when it is needed', () => {
    const get = (name: string, shape: number[]) => (file: string) => openCheckpoint(file).get(name, shape);
    expect(fault(gguf(LLAMA), get('lm_head.weight', [256, 32]))).toBe("tensor 'output.weight' is missing");
    expect(fault(gguf(LLAMA), get('model.norm.weight', [33]))).toBe(
      "tensor 'output_norm.weight' has shape [32], expected [33]",
    );
  });
});
