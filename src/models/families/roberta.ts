import { readEncoderConfig } from '../config/encoder-config';
import { buildEncoder } from '../layers/encoder';
import { denseHead } from '../layers/heads';
import type { Family } from '../model';

const DEFAULT_PAD_ID = 1;

/** RoBERTa and XLM-RoBERTa (BGE-M3, multilingual E5, BGE's rerankers): BERT whose positions begin behind the id of the padding. */
export const roberta: Family = {
  architectures: ['RobertaModel', 'XLMRobertaModel'],
  classifiers: {
    RobertaForSequenceClassification: denseHead,
    XLMRobertaForSequenceClassification: denseHead,
  },
  read: (file) => {
    const config = readEncoderConfig(file, { firstPosition: (padId) => (padId ?? DEFAULT_PAD_ID) + 1 });
    return { config, pooling: 'cls', build: (g, options) => buildEncoder(g, config, options) };
  },
};
