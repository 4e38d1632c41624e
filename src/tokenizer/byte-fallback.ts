/** A decoder of the tokenizers library, as far as it is mended here. */
interface Decoder {
  readonly decoders?: readonly Decoder[];
  text_decoder?: { decode(bytes: Uint8Array): string };
  readonly config?: { readonly type?: string };
}

/**
 * Mends how tokens that stand for single bytes are decoded: the library drops U+FEFF, as JavaScript's TextDecoder does unless
 * told otherwise. (Its decoder for byte-level vocabularies is told.)
 */
export function mendByteFallback(decoder: Decoder | null | undefined): void {
  for (const part of decoder?.decoders ?? []) mendByteFallback(part);
  if (decoder?.config?.type === 'ByteFallback') {
    decoder.text_decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  }
}
