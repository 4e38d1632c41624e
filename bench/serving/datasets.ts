import { readFileSync } from 'node:fs';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import type { Options } from './options';
import { randomInt, shuffled, type Random } from './random';

/** One request to send. */
export interface Sample {
  readonly prompt: string | readonly number[];
  /** Tokens; estimated where text is sent and there is no tokenizer. */
  readonly promptLen: number;
  readonly outputLen: number;
}

export interface DatasetContext {
  readonly random: Random;
  readonly tokenizer: Tokenizer | null;
  /** Random ids are drawn below this. */
  readonly vocabSize: number;
}

/** What English prose costs, where nothing better is known. */
const CHARACTERS_PER_TOKEN = 4;

/** @throws Error when the file of a dataset cannot be used */
export function makeSamples(options: Options, context: DatasetContext): Sample[] {
  const samples = drawSamples(options, context);
  const { tokenizer } = context;
  if (options.backend !== 'sglang-oai-chat' || tokenizer === null) return samples;
  return samples.map((sample) =>
    typeof sample.prompt === 'string' ? sample : { ...sample, prompt: tokenizer.decode(sample.prompt) },
  );
}

function drawSamples(options: Options, context: DatasetContext): Sample[] {
  switch (options.datasetName) {
    case 'random-ids':
      return randomSamples(options, context, false);
    case 'random':
      return randomSamples(options, context, true);
    case 'generated-shared-prefix':
      return sharedPrefixSamples(options, context);
    case 'sharegpt':
    case 'custom':
      return conversationSamples(options, context);
  }
}

/** Random ids; as text where `asText` is wanted and a tokenizer is at hand. */
function randomSamples(options: Options, context: DatasetContext, asText: boolean): Sample[] {
  const { random, tokenizer } = context;
  const length = (longest: number) =>
    randomInt(random, Math.max(Math.floor(longest * options.randomRangeRatio), 1), longest + 1);
  return Array.from({ length: options.numPrompts }, () => {
    const ids = randomIds(context, length(options.randomInputLen));
    const outputLen = length(options.randomOutputLen);
    if (!asText || tokenizer === null) return { prompt: ids, promptLen: ids.length, outputLen };
    return textSample(tokenizer.decode(ids), outputLen, options, tokenizer);
  });
}

/** Groups of prompts that begin with the same ids, in random order. */
function sharedPrefixSamples(options: Options, context: DatasetContext): Sample[] {
  const samples: Sample[] = [];
  for (let group = 0; group < options.gspNumGroups; group++) {
    const prefix = randomIds(context, options.gspSystemPromptLen);
    for (let i = 0; i < options.gspPromptsPerGroup; i++) {
      const prompt = [...prefix, ...randomIds(context, options.gspQuestionLen)];
      samples.push({ prompt, promptLen: prompt.length, outputLen: options.gspOutputLen });
    }
  }
  return shuffled(context.random, samples);
}

/** First turn of each conversation, as long as its first answer; random order. */
function conversationSamples(options: Options, { random, tokenizer }: DatasetContext): Sample[] {
  if (options.datasetPath === null)
    throw new Error(`--dataset-name ${options.datasetName} needs --dataset-path`);
  const samples: Sample[] = [];
  for (const record of shuffled(random, readRecords(options.datasetPath))) {
    if (samples.length >= options.numPrompts) break;
    const turns = turnsOf(record);
    const [question, answer] = turns;
    if (question === undefined || answer === undefined) continue;
    const outputLen = options.sharegptOutputLen ?? tokenCount(answer, tokenizer);
    const sample = textSample(question, outputLen, options, tokenizer);
    if (sample.promptLen < 2 || outputLen < 2) continue;
    if (sample.promptLen + outputLen > (options.sharegptContextLen ?? Infinity)) continue;
    samples.push(sample);
  }
  if (samples.length === 0) throw new Error(`${options.datasetPath} holds no conversation of two turns`);
  return samples;
}

function textSample(
  text: string,
  outputLen: number,
  { tokenizePrompt }: Options,
  tokenizer: Tokenizer | null,
): Sample {
  if (tokenizer === null) return { prompt: text, promptLen: tokenCount(text, null), outputLen };
  const ids = tokenizer.encode(text);
  return { prompt: tokenizePrompt ? ids : text, promptLen: ids.length, outputLen };
}

function tokenCount(text: string, tokenizer: Tokenizer | null): number {
  if (tokenizer === null) return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
  return tokenizer.encode(text, { addSpecialTokens: false }).length;
}

function randomIds({ random, vocabSize }: DatasetContext, count: number): number[] {
  return Array.from({ length: count }, () => randomInt(random, 0, vocabSize));
}

/** A JSON array, or one JSON value a line. */
function readRecords(path: string): unknown[] {
  const text = readFileSync(path, 'utf8').trim();
  try {
    if (text.startsWith('[')) return JSON.parse(text) as unknown[];
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as unknown);
  } catch (error) {
    throw new Error(`${path} is neither JSON nor JSONL: ${String(error)}`);
  }
}

/** The texts of `conversations` (or `conversation`), which carry them as `value` or `content`. */
function turnsOf(record: unknown): string[] {
  if (!isObject(record)) return [];
  const turns = record['conversations'] ?? record['conversation'];
  if (!Array.isArray(turns)) return [];
  return turns.flatMap((turn: unknown) => {
    const text = isObject(turn) ? (turn['value'] ?? turn['content']) : undefined;
    return typeof text === 'string' ? [text] : [];
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
