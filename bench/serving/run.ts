import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer';
import { makeApi } from './backends';
import { makeSamples, type Sample } from './datasets';
import { drive, sendSample } from './drive';
import { HttpClient } from './http-client';
import { summarize, type Summary } from './metrics';
import type { Options } from './options';
import { seededRandom } from './random';
import type { RequestResult } from './reply-meter';
import { formatTable, toRecord, type RunFacts } from './report';

/** Output length of warm-up requests at most: they only have to wake everything once. */
const WARMUP_OUTPUT_LEN = 32;

/**
 * Measures a server: warm-up, the measured requests, a table on `print`, a line in the output file.
 * @throws Error when the server cannot be used or the workload cannot be made
 */
export async function runBenchmark(options: Options, print: (text: string) => void): Promise<Summary> {
  const baseUrl = (options.baseUrl ?? `http://${options.host}:${options.port}`).replace(/\/+$/, '');
  const client = new HttpClient(baseUrl, requestHeaders(options));
  try {
    const tokenizer = options.tokenizer === null ? null : await loadTokenizer(options.tokenizer);
    const model = options.servedModelName ?? options.model ?? (await servedModel(client));
    const random = seededRandom(options.seed);
    const vocabSize = await resolveVocabSize(options, tokenizer, client);
    const samples = makeSamples(options, { random, tokenizer, vocabSize });
    const api = makeApi(options, model);
    const send = (sample: Sample) => sendSample(client, api, sample);

    await warmUp(samples, options.warmupRequests, send);
    if (options.flushCache) await flushCache(client);
    const startedAt = performance.now();
    const { requestRate, maxConcurrency } = options;
    const results = await drive(samples, { requestRate, maxConcurrency, random }, send);
    const summary = summarize(results, (performance.now() - startedAt) / 1000);

    const facts = await collectFacts(client, tokenizer, results);
    print(formatTable(options, summary, facts));
    reportErrors(results, print);
    if (options.outputFile !== null) {
      appendFileSync(options.outputFile, `${JSON.stringify(toRecord(options, summary, facts, results))}\n`);
    }
    return summary;
  } finally {
    client.close();
  }
}

function requestHeaders({ header }: Options): Record<string, string> {
  const key = process.env['OPENAI_API_KEY'] ?? process.env['API_KEY'];
  return { ...(key ? { authorization: `Bearer ${key}` } : {}), ...header };
}

async function servedModel(client: HttpClient): Promise<string> {
  const { data } = (await client.getJson('/v1/models')) as { data?: { id?: string }[] };
  const id = data?.[0]?.id;
  if (id === undefined) throw new Error('The server names no model; give one with --model.');
  return id;
}

/** Ids must exist in the model: its config.json says how many there are, where this machine can read it. */
async function resolveVocabSize(
  options: Options,
  tokenizer: Tokenizer | null,
  client: HttpClient,
): Promise<number> {
  if (options.vocabSize !== null) return options.vocabSize;
  if (tokenizer !== null) return tokenizer.vocabSize;
  if (options.datasetName === 'sharegpt' || options.datasetName === 'custom') return 0;
  const folders = [options.model, pathMember(await serverInfo(client))];
  for (const folder of folders) {
    const size = folder === null ? null : vocabSizeOf(join(folder, 'config.json'));
    if (size !== null) return size;
  }
  throw new Error('The size of the vocabulary is unknown; give --tokenizer or --vocab-size.');
}

function pathMember(info: unknown): string | null {
  const path = (info as { model_path?: unknown } | null)?.model_path;
  return typeof path === 'string' ? path : null;
}

function vocabSizeOf(file: string): number | null {
  if (!existsSync(file)) return null;
  const config = JSON.parse(readFileSync(file, 'utf8')) as {
    vocab_size?: number;
    text_config?: { vocab_size?: number };
  };
  return config.vocab_size ?? config.text_config?.vocab_size ?? null;
}

async function warmUp(
  samples: readonly Sample[],
  count: number,
  send: (sample: Sample) => Promise<RequestResult>,
): Promise<void> {
  const [first] = samples;
  if (first === undefined || count === 0) return;
  const sample = { ...first, outputLen: Math.min(first.outputLen, WARMUP_OUTPUT_LEN) };
  const results = await Promise.all(Array.from({ length: count }, () => send(sample)));
  const failure = results.find(({ error }) => error !== null);
  if (failure !== undefined) throw new Error(`The warm-up request failed: ${failure.error}`);
}

async function flushCache(client: HttpClient): Promise<void> {
  const status = await client.post('/flush_cache', '', () => undefined);
  if (status !== 200) throw new Error(`POST /flush_cache answered ${status}`);
}

async function serverInfo(client: HttpClient): Promise<unknown> {
  return client.getJson('/get_server_info').catch(() => null);
}

async function collectFacts(
  client: HttpClient,
  tokenizer: Tokenizer | null,
  results: readonly RequestResult[],
): Promise<RunFacts> {
  const info = await serverInfo(client);
  const states = (info as { internal_states?: { avg_spec_accept_length?: number }[] } | null)
    ?.internal_states;
  return {
    serverInfo: info,
    acceptLength: states?.[0]?.avg_spec_accept_length ?? null,
    retokenized:
      tokenizer === null
        ? null
        : results.reduce(
            (total, { text }) => total + tokenizer.encode(text, { addSpecialTokens: false }).length,
            0,
          ),
  };
}

/** The distinct errors, most frequent first. */
function reportErrors(results: readonly RequestResult[], print: (text: string) => void): void {
  const counts = new Map<string, number>();
  for (const { error } of results) if (error !== null) counts.set(error, (counts.get(error) ?? 0) + 1);
  for (const [error, count] of [...counts].sort(([, a], [, b]) => b - a).slice(0, 5)) {
    print(`${count} × ${error}`);
  }
}
