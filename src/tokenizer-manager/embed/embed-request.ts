import type { FinishReason } from '../../core/request';
import type { RequestOrigin } from '../generate-request';

/** Two texts that are judged together: a query and a document, say. */
export type TextPair = readonly [text: string, pair: string];

/** A request for vectors, or scores: one prompt, or a list of them. Exactly one of `text` and `inputIds` is given. */
export interface EmbedRequest {
  readonly text: string | readonly (string | TextPair)[] | null;
  readonly inputIds: readonly number[] | readonly (readonly number[])[] | null;
  /** Whether what is too long is cut, else it is refused; null leaves it to `--allow-auto-truncate`. */
  readonly truncate: boolean | null;
  /** Where it is cut. */
  readonly cutAt: 'end' | 'start';
  /** What is put before each text, by its name; null for the model's default. */
  readonly promptName: string | null;
  /** Values of a vector; null for all. */
  readonly dimensions: number | null;
  /** Whether vectors are brought to length 1; null leaves it to the checkpoint. */
  readonly normalize: boolean | null;
  readonly rid: string | readonly string[] | null;
  /** The scheduler that is to run it; null leaves the choice. */
  readonly dpRank: number | null;
  /** Leave this request out of the request log. */
  readonly noLogs: boolean;
  /** False leaves this request out of the metrics of requests. */
  readonly logMetrics: boolean;
  /** Its labels in them; those that are not allowed do not count. */
  readonly customLabels: Readonly<Record<string, string>> | null;
  readonly origin: RequestOrigin;
}

/** What a dialect that knows none of SGLang's own fields asks for beside its texts. */
export const PLAIN_EMBED = {
  inputIds: null,
  truncate: null,
  cutAt: 'end',
  promptName: null,
  dimensions: null,
  normalize: null,
  rid: null,
  dpRank: null,
  noLogs: false,
  logMetrics: true,
  customLabels: null,
} as const;

/** One prompt's vector, or its scores. */
export interface EmbedResult {
  readonly rid: string;
  readonly vector: Float32Array;
  readonly promptTokens: number;
  readonly finish: FinishReason;
  /** Seconds from arrival to the vector. */
  readonly e2eLatency: number;
}

export interface EmbedReply {
  readonly results: readonly EmbedResult[];
  /** Of all prompts together. */
  readonly promptTokens: number;
  /** Whether the request gave its prompts as a list. */
  readonly isBatch: boolean;
}
