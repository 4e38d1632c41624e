/** What a model is loaded for: to continue texts, or to turn each into a vector. */
export type ModelKind = 'generation' | 'embedding';

/** Functions that a score may go through before anybody sees it, by the last part of PyTorch's names. */
export const SCORE_ACTIVATIONS = ['Identity', 'Sigmoid', 'Tanh', 'ReLU'] as const;
export type ScoreActivation = (typeof SCORE_ACTIVATIONS)[number];

/** What a classifier tells texts apart by. */
export interface Labels {
  /** One name for each score; a reranker or reward model has one. */
  readonly names: readonly string[];
  /** What its scores have gone through. */
  readonly activation: ScoreActivation;
}

/** What is known of the vectors that a model makes of texts. */
export interface VectorFacts {
  /** Values of a vector. */
  readonly width: number;
  /** Whether the checkpoint says that vectors have length 1. */
  readonly isNormalized: boolean;
  /** To how many of their first values they may be cut: to any number, to those listed (ascending), or, null, not at all. */
  readonly matryoshka: 'any' | readonly number[] | null;
  /** What may be put before a text, by name. */
  readonly prompts: Readonly<Record<string, string>>;
  /** The one that is where a request names none; null for nothing. */
  readonly defaultPrompt: string | null;
}

/** What the other processes need to know of the loaded model; the scheduler reports it when it is ready. */
export interface ModelFacts {
  readonly kind: ModelKind;
  readonly architectures: readonly string[];
  readonly modelType: string;
  /** Of a model that gives scores in place of vectors: what for. */
  readonly labels: Labels | null;
  /** Of a model that gives vectors. */
  readonly vectors: VectorFacts | null;
  readonly vocabSize: number;
  /** Tokens of prompt and output together that the model can hold. */
  readonly contextLen: number;
  /** End-of-sequence ids of config.json and generation_config.json. */
  readonly eosTokenIds: readonly number[];
  /** Sampling parameters that generation_config.json sets, under its names. */
  readonly generationDefaults: Readonly<Record<string, number>>;
  /** Whether layers have experts of which each token goes through a few. */
  readonly hasExperts: boolean;
  /** Tokens the KV cache of a scheduler holds: running and cached together; for embedding models, tokens of one run. */
  readonly maxTotalNumTokens: number;
  /** Longest prompt the scheduler admits. */
  readonly maxReqInputLen: number;
  readonly maxRunningRequests: number;
}

/** What holds for each of several copies of a model; they differ in no more than the memory they found. */
export function factsInCommon(facts: readonly ModelFacts[]): ModelFacts {
  return facts.reduce((one, other) => ({
    ...one,
    maxTotalNumTokens: Math.min(one.maxTotalNumTokens, other.maxTotalNumTokens),
    maxReqInputLen: Math.min(one.maxReqInputLen, other.maxReqInputLen),
    maxRunningRequests: Math.min(one.maxRunningRequests, other.maxRunningRequests),
  }));
}
