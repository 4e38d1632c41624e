export type { Tokenizer } from '../tokenizer/tokenizer';
export { PLAIN_EMBED, type EmbedReply, type EmbedRequest, type TextPair } from './embed/embed-request';
export { refuseKind } from './embed/embed-texts';
export { refusalOf, type GenerateJob } from './generate-job';
export {
  DEFAULT_GENERATE_REQUEST,
  NO_ORIGIN,
  type GenerateRequest,
  type RawSamplingParams,
  type RequestOrigin,
} from './generate-request';
export { type Reasoning } from './reasoning';
export type { GenerateResult } from './request-state';
export { SAMPLING_PARAM_NAMES } from './sampling-params';
export type { ScoreRequest } from './score/score-request';
export type { OpenSession } from './sessions/sessions';
export type { SessionParams } from './sessions/session-params';
export { inSlices } from './slices';
export type { Heartbeat } from './signs-of-life';
export { TokenizerManager } from './tokenizer-manager';
export type { WeightUpdate, WeightUpdateResult } from './weights/weight-updates';
