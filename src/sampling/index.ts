export { positionLogprobs } from './logprobs';
export { RequestSampler } from './request-sampler';
