import { Packr } from 'msgpackr';

/**
 * msgpack with typed arrays and without records or class revival: what comes out of `decode` is plain data. A message
 * is an object with a string `type`; the receiver's `switch` on it is closed.
 */
const packr = new Packr({ useRecords: false, moreTypes: true, structuredClone: false });

export function encode(message: { readonly type: string }): Buffer {
  return packr.pack(message);
}

/** @throws Error when the bytes are not msgpack, or not an object with a type */
export function decode(bytes: Uint8Array): { readonly type: string } {
  const message: unknown = packr.unpack(bytes);
  if (typeof message !== 'object' || message === null || !('type' in message)) {
    throw new Error('message is not an object with a type');
  }
  if (typeof message.type !== 'string') throw new Error(`message of type ${JSON.stringify(message.type)}`);
  return message as { readonly type: string };
}
