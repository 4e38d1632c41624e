import type { ConfigFile } from '../config/config-file';
import { routersOf } from '../config/experts';
import { readDecoderConfig, type DecoderConfig, type DecoderTraits } from '../config/decoder-config';
import { buildDecoder } from '../layers/decoder';
import type { FamilyModel } from '../model';

/** A model that is Llama but for some traits. */
export function decoder(file: ConfigFile, traits: DecoderTraits = {}): FamilyModel & { readonly config: DecoderConfig } {
  const config = readDecoderConfig(file, traits);
  return {
    config,
    hasWindows: config.slidingWindows.some((window) => window !== null),
    routers: routersOf(config.experts, config.numLayers),
    build: (g, options) => buildDecoder(g, config, options),
  };
}
