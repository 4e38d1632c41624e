import { readEncoderConfig } from '../config/encoder-config';
import { buildEncoder } from '../layers/encoder';
import { pooledHead } from '../layers/heads';
import type { Family } from '../model';

/** BERT, and what was trained from it: MiniLM, BGE, E5, GTE, mxbai, Arctic; as classifiers the rerankers of MS MARCO. */
export const bert: Family = {
  architectures: ['BertModel'],
  classifiers: { BertForSequenceClassification: pooledHead },
  read: (file) => {
    const config = readEncoderConfig(file, { firstPosition: () => 0 });
    return { config, pooling: 'cls', build: (g, options) => buildEncoder(g, config, options) };
  },
};
