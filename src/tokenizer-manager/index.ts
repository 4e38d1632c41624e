export { loadTokenizer, type Tokenizer } from '../tokenizer/tokenizer';
export type { EmbedReply, EmbedRequest, EmbedResult } from './embed/embed-manager';
export { GenerateJob, type GenerateChunk } from './generate-job';
export {
  DEFAULT_GENERATE_REQUEST,
  type GenerateRequest,
  type RawSamplingParams,
  type RequestOrigin,
} from './generate-request';
export type { GenerateResult } from './request-state';
export { SAMPLING_PARAM_NAMES } from './sampling-params';
export { TokenizerManager, type Heartbeat, type TokenizerManagerDeps } from './tokenizer-manager';
