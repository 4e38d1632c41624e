/** @jest-environment ./test/shared-realm-environment.cjs */
import * as fc from 'fast-check';
import { asMessage, encode, unpack } from '../../../src/ipc/codec';

const decode = (bytes: Uint8Array) => asMessage(unpack(bytes));

describe('a message', () => {
  const plain = fc.oneof(
    fc.string(),
    fc.integer(),
    // The sign of zero is not kept.
    fc.double({ noNaN: true }).map((value) => value + 0),
    fc.boolean(),
    fc.constant(null),
  );
  // The library renames this one key, so that no message reaches a prototype.
  const key = fc.string().filter((name) => name !== '__proto__');
  const field = fc.oneof(plain, fc.array(plain), fc.dictionary(key, plain));
  const name = key.filter((name) => name !== 'type');

  it('arrives as it left', () => {
    fc.assert(
      fc.property(fc.dictionary(name, field), (fields) => {
        const message = { ...fields, type: 'generate' };
        expect(decode(encode(message))).toEqual(message);
      }),
    );
  });

  it('carries token ids as typed arrays', () => {
    fc.assert(
      fc.property(fc.int32Array(), (ids) => {
        const { inputIds } = decode(encode({ type: 'generate', inputIds: ids } as never)) as unknown as {
          inputIds: Int32Array;
        };
        expect(inputIds).toBeInstanceOf(Int32Array);
        expect([...inputIds]).toEqual([...ids]);
      }),
    );
  });

  it('cannot reach the prototype of what it becomes', () => {
    const message = JSON.parse('{"type":"abort","__proto__":{"polluted":true}}') as { type: string };
    const decoded = decode(encode(message)) as { polluted?: boolean };
    expect(decoded.polluted).toBeUndefined();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('what is no message', () => {
  it('is refused, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        let message: unknown;
        try {
          message = decode(bytes);
        } catch (error) {
          expect(error).toBeDefined();
          return;
        }
        expect(typeof (message as { type: string }).type).toBe('string');
      }),
    );
  });

  it('like a type that is no text', () => {
    expect(() => decode(encode({ type: 7 } as never))).toThrow('message of type 7');
  });
});
