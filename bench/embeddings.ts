import { Command } from 'commander';
import { openCheckpoint } from '../src/checkpoint/checkpoint';
import { CpuBackend } from '../src/model-runner/backends/cpu/cpu-backend';
import { EmbeddingRunner } from '../src/model-runner/embedding-runner';
import { loadModel } from '../src/model-runner/load-model';
import { readSentenceModules } from '../src/models/config/sentence-modules';
import { readModel } from '../src/models/registry';
import { loadTokenizer, type Tokenizer } from '../src/tokenizer/tokenizer';
import { StartedServer } from './started-server';
import { median } from './in-turn';

/**
 * Vectors of texts: by the model runner alone, through HTTP and, with `--peer`, by the feature extraction of
 * `@huggingface/transformers`, in turn in one run. The runner is given token ids, the others texts.
 */
interface Options {
  readonly modelPath: string;
  readonly peer?: string;
  readonly rounds: string;
  readonly seconds: string;
}

/** Texts by their lengths in tokens. */
type Workload = readonly number[];

interface Contender {
  readonly name: string;
  readonly embed: (texts: readonly string[]) => Promise<unknown>;
}

const WORDS =
  'the river runs down to a sea that is cold in winter and warm when summer comes with long light days'.split(
    ' ',
  );

function workloads(longest: number): Record<string, Workload> {
  const mixed = Array.from({ length: 16 }, (_, i) =>
    Math.min(longest, [8, 14, 24, 40, 72, 120, 200, 256][i % 8] ?? 8),
  );
  return {
    '1 x 16': [16],
    '32 x 16': Array.from({ length: 32 }, () => 16),
    [`1 x ${Math.min(512, longest)}`]: [Math.min(512, longest)],
    '16 mixed': mixed,
  };
}

async function main(): Promise<void> {
  const options = new Command('bench:embeddings')
    .requiredOption('--model-path <folder>', "an encoder's checkpoint")
    .option('--peer <folder>', 'the same model with onnx/model.onnx beside its tokenizer')
    .option('--rounds <count>', 'rounds of each contender', '5')
    .option('--seconds <time>', 'of a contender in a round', '1')
    .parse()
    .opts<Options>();
  const tokenizer = await loadTokenizer(options.modelPath);
  const { contender: runner, longest } = await runnerOf(options.modelPath, tokenizer);
  const server = await StartedServer.start(['--model-path', options.modelPath]);
  const contenders = [runner, throughHttp(server.url), ...(options.peer ? [await peerOf(options.peer)] : [])];
  for (const [name, lengths] of Object.entries(workloads(longest))) {
    const texts = lengths.map((length, i) => textOf(length, i, tokenizer));
    const ms = contenders.map((): number[] => []);
    for (let round = 0; round <= Number(options.rounds); round++) {
      for (const [i, contender] of contenders.entries()) {
        const spent = await timed(contender, texts, Number(options.seconds));
        if (round > 0) ms[i]?.push(spent);
      }
    }
    report(name, lengths, contenders, ms);
  }
  server.stop();
}

/** A text of so many tokens, or a few less. */
function textOf(length: number, seed: number, tokenizer: Tokenizer): string {
  const words = Array.from({ length }, (_, i) => WORDS[(i * 7 + seed * 13) % WORDS.length] ?? '');
  while (tokenizer.encode(words.join(' ')).length > length) words.pop();
  return words.join(' ');
}

async function runnerOf(
  folder: string,
  tokenizer: Tokenizer,
): Promise<{ contender: Contender; longest: number }> {
  const model = readModel(folder, {}, 'embedding');
  const sentences = readSentenceModules(folder, model.config, model.pooling ?? 'lasttoken');
  const weights = openCheckpoint(folder);
  const backend = new CpuBackend();
  const longest = Math.min(sentences.maxLength ?? Infinity, model.config.contextLen);
  const session = await loadModel(model, weights, { capacity: longest, tail: 'hidden' }, backend);
  weights.close();
  const runner = new EmbeddingRunner(session, model, backend, sentences);
  const embed = (texts: readonly string[]) =>
    runner.embed(texts.map((text) => ({ ids: Int32Array.from(tokenizer.encode(text)), pairAt: null })));
  return { contender: { name: 'runner', embed }, longest };
}

function throughHttp(url: string): Contender {
  return {
    name: 'http',
    async embed(input) {
      const reply = await fetch(`${url}/v1/embeddings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'default', input, encoding_format: 'base64' }),
      });
      if (!reply.ok) throw new Error(await reply.text());
      return reply.json();
    },
  };
}

async function peerOf(folder: string): Promise<Contender> {
  const { env, pipeline } = await import('@huggingface/transformers');
  env.allowRemoteModels = false;
  env.localModelPath = '/';
  const extract = await pipeline('feature-extraction', folder, { dtype: 'fp32' });
  return {
    name: 'transformers.js',
    embed: (texts) => extract([...texts], { pooling: 'mean', normalize: true }),
  };
}

/** @returns milliseconds of one run, as the median of as many as fit */
async function timed({ embed }: Contender, texts: readonly string[], seconds: number): Promise<number> {
  const spent: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (spent.length === 0 || performance.now() < end) {
    const startedAt = performance.now();
    await embed(texts);
    spent.push(performance.now() - startedAt);
  }
  return median(spent);
}

function report(
  name: string,
  lengths: Workload,
  contenders: readonly Contender[],
  ms: readonly (readonly number[])[],
): void {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  contenders.forEach((contender, i) => {
    const spent = median(ms[i] ?? []);
    const share = median((ms[i] ?? []).map((own, round) => (ms[0]?.[round] ?? NaN) / own));
    console.log(
      `${name.padEnd(9)} ${contender.name.padEnd(16)} ${spent.toFixed(1).padStart(8)} ms ` +
        `${((tokens * 1000) / spent).toFixed(0).padStart(7)} tokens/s ${((lengths.length * 1000) / spent).toFixed(0).padStart(5)} texts/s ` +
        `${share.toFixed(2)} x the runner`,
    );
  });
}

void main();
