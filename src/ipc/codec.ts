import { Packr } from 'msgpackr';

/**
 * msgpack with typed arrays and without records or class revival: what comes out of `unpack` is plain data. A message
 * is an object with a string `type`; the receiver's `switch` on it is closed.
 */
const packr = new Packr({ useRecords: false, moreTypes: true, structuredClone: false });

export function encode(message: { readonly type: string }): Buffer {
  return packr.pack(message);
}

/** @throws Error when the bytes are not msgpack */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}

/** @throws Error when it is not an object with a type */
export function asMessage(message: unknown): { readonly type: string } {
  if (typeof message !== 'object' || message === null || !('type' in message)) {
    throw new Error('message is not an object with a type');
  }
  if (typeof message.type !== 'string') throw new Error(`message of type ${JSON.stringify(message.type)}`);
  return message as { readonly type: string };
}
