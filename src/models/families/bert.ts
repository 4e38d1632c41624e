import { readEncoderConfig } from '../config/encoder-config';
import { buildEncoder } from '../layers/encoder';
import type { Family } from '../model';

/** BERT, and what was trained from it: MiniLM, BGE, E5, GTE, mxbai, Arctic. */
export const bert: Family = {
  architectures: ['BertModel'],
  read: (file) => {
    const config = readEncoderConfig(file, { firstPosition: () => 0 });
    return { config, pooling: 'cls', build: (g, options) => buildEncoder(g, config, options) };
  },
};
