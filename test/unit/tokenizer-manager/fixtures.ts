import type { ModelFacts } from '../../../src/core/model-facts';
import type { DecodeOptions, EncodeOptions, Tokenizer } from '../../../src/tokenizer/tokenizer';
import type { AsyncTokenizer } from '../../../src/tokenizer/tokenizer-pool';
import type { ServerArgs } from '../../../src/server-args/server-args';

/** The parts most tests start from: one model's facts, the flags of a server, and a tokenizer of bytes. */

export const FACTS: ModelFacts = {
  kind: 'generation',
  architectures: ['LlamaForCausalLM'],
  modelType: 'llama',
  vocabSize: 260,
  contextLen: 64,
  eosTokenIds: [257],
  maxTotalNumTokens: 1000,
  maxReqInputLen: 58,
  maxRunningRequests: 8,
};

export function makeArgs(overrides: Partial<ServerArgs> = {}): ServerArgs {
  return {
    modelPath: '/models/tiny',
    tokenizerPath: '/models/tiny',
    skipTokenizerInit: false,
    loadFormat: 'auto',
    contextLength: null,
    revision: null,
    downloadDir: null,
    jsonModelOverrideArgs: {},
    servedModelName: 'org/tiny',
    weightVersion: 'default',
    isEmbedding: false,
    dtype: 'auto',
    device: 'cpu',
    baseGpuId: 0,
    memFractionStatic: 0.8,
    maxTotalTokens: null,
    pageSize: 1,
    maxRunningRequests: null,
    maxQueuedRequests: null,
    chunkedPrefillSize: 256,
    maxPrefillTokens: 16384,
    prefillMaxRequests: null,
    schedulePolicy: 'fcfs',
    scheduleConservativeness: 1,
    enablePriorityScheduling: false,
    abortOnPriorityWhenDisabled: false,
    scheduleLowPriorityValuesFirst: false,
    prioritySchedulingPreemptionThreshold: 10,
    disableRadixCache: false,
    radixEvictionPolicy: 'lru',
    disableOverlapSchedule: false,
    streamInterval: 1,
    randomSeed: 1,
    watchdogTimeout: 300,
    softWatchdogTimeout: null,
    decodeLogInterval: 40,
    disableCudaGraph: false,
    cudaGraphBs: [1, 2, 4],
    host: '127.0.0.1',
    port: 30000,
    fastapiRootPath: '',
    apiKey: null,
    adminApiKey: null,
    skipServerWarmup: false,
    allowAutoTruncate: false,
    streamOutput: false,
    preferredSamplingParams: null,
    logLevel: 'info',
    logLevelHttp: null,
    logRequests: false,
    logRequestsLevel: 2,
    logRequestsFormat: 'text',
    logRequestsTarget: null,
    crashDumpFolder: null,
    uvicornAccessLogExcludePrefixes: [],
    accepted: {},
    ...overrides,
  };
}

export const BOS = 256;
export const EOS = 257;

/** Each byte of Latin-1 text is a token; `BOS` stands before a text. */
export class ByteTokenizer implements Tokenizer {
  readonly vocabSize = 258;
  readonly eosTokenId = EOS;
  readonly bosTokenId = BOS;
  readonly modelMaxLength = 2048;
  readonly maxTokenLength = 1;

  encode(text: string, { addSpecialTokens = true } = {}): number[] {
    return [...(addSpecialTokens ? [BOS] : []), ...Buffer.from(text, 'latin1')];
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens = false } = {}): string {
    return Array.from(ids, (id) => (skipSpecialTokens && id >= BOS ? '' : this.tokenText(id))).join('');
  }

  tokenText(id: number): string {
    return id === BOS ? '<s>' : id === EOS ? '</s>' : String.fromCharCode(id);
  }
}

/** Does all work at once, as is right for the texts of tests. */
export class InlineTokenizer implements AsyncTokenizer {
  constructor(readonly sync: Tokenizer = new ByteTokenizer()) {}

  async encode(text: string, options: EncodeOptions): Promise<number[]> {
    return this.sync.encode(text, options);
  }

  async decode(ids: readonly number[], options: DecodeOptions): Promise<string> {
    return this.sync.decode(ids, options);
  }
}
