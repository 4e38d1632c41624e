import { Packr } from 'msgpackr';

/**
 * msgpack with typed arrays and without records or class revival: what comes out of `decode` is plain data. A message
 * is an object with a string `type`; the receiver's `switch` on it is closed.
 */
const packr = new Packr({ useRecords: false, moreTypes: true, structuredClone: false });

export function encode(message: { readonly type: string }): Buffer {
  return packr.pack(message);
}

/**
 * @param types the closed set of message types the receiver understands
 * @throws Error when the bytes are not msgpack, not an object, or of a type outside `types`
 */
export function decode<M extends { readonly type: string }>(
  bytes: Uint8Array,
  types: ReadonlySet<M['type']>,
): M {
  const message: unknown = packr.unpack(bytes);
  if (typeof message !== 'object' || message === null || !('type' in message)) {
    throw new Error('message is not an object with a type');
  }
  if (typeof message.type !== 'string' || !types.has(message.type)) {
    throw new Error(`message of unknown type ${JSON.stringify(message.type)}`);
  }
  return message as M;
}
