import type { DecoderConfig } from '../../../../src/models/config/decoder-config';
import { readModel } from '../../../../src/models/registry';

/** A decoder's config, for whatever it may serve. */
export function loadDecoderConfig(dir: string, overrides: Readonly<Record<string, unknown>> = {}): DecoderConfig {
  return readModel(dir, overrides, 'embedding').config as DecoderConfig;
}
