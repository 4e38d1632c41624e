import { readEncoderConfig } from '../config/encoder-config';
import { buildEncoder } from '../layers/encoder';
import type { Family } from '../model';

const DEFAULT_PAD_ID = 1;

/** RoBERTa and XLM-RoBERTa (BGE-M3, multilingual E5): BERT whose positions begin behind the id of the padding. */
export const roberta: Family = {
  architectures: ['RobertaModel', 'XLMRobertaModel'],
  read: (file) => {
    const config = readEncoderConfig(file, { firstPosition: (padId) => (padId ?? DEFAULT_PAD_ID) + 1 });
    return { config, pooling: 'cls', build: (g, options) => buildEncoder(g, config, options) };
  },
};
