import * as fs from 'node:fs';
import * as path from 'node:path';
import fc from 'fast-check';
import { StartupError } from '../../../src/core/errors';
import { readSafetensors } from '../../../src/checkpoint/safetensors';
import { entry, Folders, safetensors } from './folders';

const folders = new Folders();
const file = path.join(folders.create(), 'model.safetensors');
afterAll(() => folders.removeAll());

function read(bytes: Uint8Array) {
  fs.writeFileSync(file, bytes);
  return readSafetensors(file);
}

const two = {
  b: entry('F32', [2, 3], 8, 32),
  a: entry('BF16', [4], 0, 8),
  __metadata__: { format: 'pt' },
};

test('finds each tensor at its place in the file', () => {
  const bytes = safetensors(two, 32);
  const start = bytes.length - 32;
  expect(read(bytes)).toEqual([
    { name: 'a', dtype: 'BF16', shape: [4], file, offset: start, byteLength: 8 },
    { name: 'b', dtype: 'F32', shape: [2, 3], file, offset: start + 8, byteLength: 24 },
  ]);
});

test('accepts scalars, empty tensors, padding after the header and names that objects know', () => {
  const header = JSON.stringify({
    constructor: entry('F32', [], 0, 4),
    empty: entry('F16', [0, 7], 4, 4),
    toString: entry('U8', [3], 4, 7),
  });
  const names = read(safetensors(`${header}   `, 7)).map((tensor) => [tensor.name, tensor.byteLength]);
  expect(names).toEqual([
    ['constructor', 4],
    ['empty', 0],
    ['toString', 3],
  ]);
});

test('a tensor called __proto__ is a tensor like others', () => {
  const header = '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
  expect(read(safetensors(header, 1)).map((tensor) => tensor.name)).toEqual(['__proto__']);
});

const huge = Buffer.alloc(16, 0xff);
const justTooLong = Buffer.alloc(16);
justTooLong.writeBigUInt64LE(9n);

describe('refuses with one line', () => {
  const cases: [what: string, bytes: Uint8Array, message: string][] = [
    ['an empty file', Buffer.alloc(0), 'is too short for a safetensors file'],
    ['seven bytes', Buffer.alloc(7), 'is too short for a safetensors file'],
    ['a header length of 2^64-1', huge, 'header of 18446744073709551615 bytes does not fit'],
    ['a header one byte longer than the file', justTooLong, 'header of 9 bytes does not fit'],
    ['a header that is not JSON', safetensors('{"a":', 0), 'is not valid JSON'],
    ['a header that is a list', safetensors('[]', 0), 'must be a JSON object'],
    ['a header that is not UTF-8', safetensors('{}', 0).fill(0xff, 8), 'header is not UTF-8'],
    ['a header nested deep', safetensors('['.repeat(1_000_000), 0), 'JSON is nested too deep'],
    [
      'a name that stands twice',
      safetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{}}', 1),
      "'a' is in it twice",
    ],
    [
      'a field that stands twice',
      safetensors('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"shape":[1]}}', 1),
      "'shape' is in it twice",
    ],
    ['a tensor that is not an object', safetensors({ a: 1 }, 0), "tensor 'a' must be an object"],
    ['an unknown dtype', safetensors({ a: entry('F4', [2], 0, 1) }, 1), "tensor 'a' has dtype 'F4'"],
    [
      'a dtype that objects know',
      safetensors({ a: entry('toString', [2], 0, 1) }, 1),
      "has dtype 'toString'",
    ],
    [
      'no dtype',
      safetensors({ a: { shape: [1], data_offsets: [0, 1] } }, 1),
      "tensor 'a' has dtype 'undefined'",
    ],
    ['a negative size', safetensors({ a: entry('U8', [-1, -1], 0, 1) }, 1), "tensor 'a' has shape '[-1,-1]'"],
    ['a fractional size', safetensors({ a: entry('F16', [0.5], 0, 1) }, 1), "tensor 'a' has shape '[0.5]'"],
    ['a size of text', safetensors({ a: entry('U8', ['1'], 0, 1) }, 1), "tensor 'a' has shape"],
    [
      'offsets that are not two',
      safetensors({ a: { dtype: 'U8', shape: [1], data_offsets: [0] } }, 1),
      'data_offsets',
    ],
    [
      'a negative offset',
      safetensors({ a: entry('U8', [1], -1, 0) }, 1),
      "tensor 'a' has data_offsets '[-1,0]'",
    ],
    ['a fractional offset', safetensors({ a: entry('U8', [1], 0.5, 1.5) }, 1), "tensor 'a' has data_offsets"],
    ['an end before the begin', safetensors({ a: entry('U8', [1], 2, 1) }, 2), "tensor 'a' has -1 bytes"],
    [
      'a shape that takes more',
      safetensors({ a: entry('F32', [2], 0, 4) }, 4),
      'has 4 bytes, but F32 of shape',
    ],
    [
      'a shape whose product wraps to the right size',
      safetensors({ a: entry('U8', [2 ** 32, 2 ** 32, 1], 0, 0) }, 0),
      "tensor 'a' has 0 bytes",
    ],
    [
      'tensors that overlap',
      safetensors({ a: entry('U8', [4], 0, 4), b: entry('U8', [4], 2, 6) }, 6),
      "tensor 'b' overlaps another tensor",
    ],
    [
      'two names for the same bytes',
      safetensors({ a: entry('U8', [4], 0, 4), b: entry('U8', [4], 0, 4) }, 4),
      "tensor 'b' overlaps another tensor",
    ],
    [
      'a gap between tensors',
      safetensors({ a: entry('U8', [4], 0, 4), b: entry('U8', [4], 6, 10) }, 10),
      "tensor 'b' begins 2 bytes after the one before",
    ],
    ['a file that ends early', safetensors(two, 31), "tensor 'b' ends 1 bytes after the file (truncated?)"],
    [
      'a range beyond 2^52',
      safetensors({ a: entry('U8', [1], 2 ** 53 - 2, 2 ** 53 - 1) }, 0),
      "tensor 'a' begins",
    ],
    ['bytes after the last tensor', safetensors(two, 33), '1 bytes belong to no tensor'],
    ['a name of control characters', safetensors({ 'a\nb\u0007': 1 }, 0), "tensor 'a\\nb\\u0007' must be"],
  ];
  test.each(cases)('%s', (_, bytes, message) => {
    const error = refusal(bytes);
    expect(error.message).toContain(message);
    expect(error.message.startsWith(`${file}: `)).toBe(true);
    expect(error.message).not.toContain('\n');
  });
});

test('names the file when it cannot be opened', () => {
  expect(() => readSafetensors('/nonexistent/model.safetensors')).toThrow(StartupError);
  expect(() => readSafetensors('/nonexistent/model.safetensors')).toThrow(
    /^\/nonexistent\/model\.safetensors: .*ENOENT/,
  );
});

function refusal(bytes: Uint8Array): Error {
  try {
    read(bytes);
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('a damaged file is refused, or what is read lies inside it', () => {
  const valid = safetensors(two, 32);

  function check(bytes: Uint8Array): void {
    let tensors;
    try {
      tensors = read(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(StartupError);
      expect((error as Error).message).not.toMatch(/[\n\r]/);
      return;
    }
    let end = 0;
    for (const tensor of tensors) {
      expect(tensor.offset).toBeGreaterThanOrEqual(Math.max(end, 8));
      end = tensor.offset + tensor.byteLength;
    }
    expect(end).toBeLessThanOrEqual(bytes.length);
  }

  test('bytes overwritten', () => {
    const edit = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of edits) bytes[at] = value;
        check(bytes);
      }),
      { numRuns: 400 },
    );
  });

  test('digits, brackets and quotes of the header exchanged', () => {
    const text = valid.subarray(8, -32).toString();
    const edit = fc.tuple(fc.nat(text.length - 1), fc.constantFrom(...'0123456789-.eE[]{}",: \\'));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const symbols = [...text];
        for (const [at, symbol] of edits) symbols[at] = symbol;
        check(safetensors(symbols.join(''), 32));
      }),
      { numRuns: 400 },
    );
  });

  test('cut or extended', () => {
    fc.assert(
      fc.property(fc.nat(valid.length), fc.uint8Array({ maxLength: 40 }), (length, tail) => {
        check(Buffer.concat([valid.subarray(0, length), tail]));
      }),
    );
  });

  test('numbers replaced', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom(0, 1, 2, 4, 8, 32, 2 ** 53, 1e308),
      fc.string(),
    );
    const tensor = fc.record({
      dtype: fc.constantFrom('U8', 'F16', 'F64', 'X'),
      shape: fc.array(value, { maxLength: 3 }),
      data_offsets: fc.array(value, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tensor, { maxKeys: 3 }), fc.nat(40), (header, size) => {
        check(safetensors(header, size));
      }),
      { numRuns: 300 },
    );
  });
});

test('any layout of whole tensors is read back as it was written', () => {
  const shapes = fc.array(fc.array(fc.nat(4), { maxLength: 3 }), { maxLength: 6 });
  fc.assert(
    fc.property(shapes, fc.integer({ min: 0, max: 5 }), (list, rotate) => {
      let end = 0;
      const entries = list.map((shape, at) => {
        const begin = end;
        end += shape.reduce((product, size) => product * size, 2);
        return [`t${at}`, entry('BF16', shape, begin, end)] as const;
      });
      const shuffled = [...entries.slice(rotate), ...entries.slice(0, rotate)];
      const bytes = safetensors(Object.fromEntries(shuffled), end);
      const found = new Map(read(bytes).map((tensor) => [tensor.name, tensor]));
      const dataStart = bytes.length - end;
      let offset = dataStart;
      list.forEach((shape, at) => {
        const tensor = found.get(`t${at}`);
        expect([tensor?.shape, tensor?.offset]).toEqual([shape, offset]);
        offset += tensor?.byteLength ?? NaN;
      });
    }),
  );
});
