/** The slices of a request's life, each with the level from which on it is recorded; names and levels are SGLang's. */
const SLICES = {
  tokenize: 1,
  api_server_dispatch: 2,
  request_process: 2,
  prefill_waiting: 1,
  prefill_forward: 1,
  chunked_prefill: 3,
  decode_forward: 1,
  decode_loop: 3,
  /** Of the detokenizer; SGLang has none. */
  detokenize: 3,
} as const;

export type SliceName = keyof typeof SLICES;

export const levelOf = (name: SliceName): number => SLICES[name];
