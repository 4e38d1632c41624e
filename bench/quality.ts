import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { openCheckpoint } from '../src/checkpoint/checkpoint';
import { CpuBackend } from '../src/model-runner/backends/cpu/cpu-backend';
import type { HostKvType } from '../src/model-runner/backends/cpu/host-kv-store';
import { loadModel } from '../src/model-runner/load-model';
import { MAX_LOGIT_ROWS, ModelRunner } from '../src/model-runner/model-runner';
import { readModel } from '../src/models/registry';
import { loadTokenizer } from '../src/tokenizer/tokenizer';

/**
 * What quantization costs in quality: the next-token distributions of a checkpoint in float32 and quantized, over all positions of a text.
 * Prints how often both have the same most likely token, the mean Kullback-Leibler divergence in nats, and both perplexities.
 */
interface Options {
  readonly modelPath: string;
  readonly quantization: readonly string[];
  readonly kvCacheDtype: HostKvType;
  readonly text: string;
  readonly window: string;
  readonly windows: string;
  readonly json: boolean;
}

interface Quality {
  readonly quantization: string;
  readonly tokens: number;
  /** Share of positions with the same most likely token. */
  readonly top1: number;
  /** Mean of KL(float32 ‖ quantized), nats. */
  readonly kl: number;
  readonly perplexity: { readonly float32: number; readonly quantized: number };
}

async function main(): Promise<void> {
  const options = new Command('bench:quality')
    .requiredOption('--model-path <folder>', 'checkpoint in a floating-point type, or a GGUF file')
    .option(
      '--quantization <methods...>',
      'what --quantization or --torchao-config take; none leaves weights as they are, of a GGUF file in blocks',
      ['w8a8_int8'],
    )
    .addOption(
      new Option('--kv-cache-dtype <type>', 'of the quantized side')
        .choices(['float32', 'int8'])
        .default('float32'),
    )
    .option('--text <file>', 'a text of some thousand tokens', 'README.md')
    .option('--window <tokens>', 'tokens of one prompt', '256')
    .option('--windows <count>', 'prompts at most', '16')
    .option('--json', 'print JSON', false)
    .parse()
    .opts<Options>();
  const windows = await windowsOf(options);
  const exact = await runnerOf(
    options.modelPath,
    { quantization_config: null },
    null,
    'float32',
    Number(options.window),
  );
  const results: Quality[] = [];
  for (const quantization of options.quantization) {
    const rounded = await runnerOf(
      options.modelPath,
      {},
      quantization === 'none' ? null : quantization,
      options.kvCacheDtype,
      Number(options.window),
    );
    results.push({ quantization, ...(await compare(exact, rounded, windows)) });
  }
  if (options.json) return console.log(JSON.stringify(results, null, 2));
  for (const { quantization, tokens, top1, kl, perplexity } of results) {
    console.log(
      `${quantization}: ${tokens} tokens, same top-1 ${(100 * top1).toFixed(2)} %, KL ${kl.toFixed(5)} nats, ` +
        `perplexity ${perplexity.float32.toFixed(3)} -> ${perplexity.quantized.toFixed(3)}`,
    );
  }
}

async function windowsOf({ modelPath, text, window, windows }: Options): Promise<Int32Array[]> {
  const tokenizer = await loadTokenizer(modelPath);
  const ids = Int32Array.from(tokenizer.encode(readFileSync(text, 'utf8')));
  const size = Number(window);
  const count = Math.min(Number(windows), Math.floor(ids.length / size));
  return Array.from({ length: count }, (_, at) => ids.slice(at * size, (at + 1) * size));
}

/** @param overrides of config.json: in floats is also a GGUF file where it is not said to be quantized */
async function runnerOf(
  modelPath: string,
  overrides: Readonly<Record<string, unknown>>,
  quantization: string | null,
  kvType: HostKvType,
  capacity: number,
) {
  const model = readModel(modelPath, overrides, 'generation', quantization);
  const weights = openCheckpoint(modelPath);
  const backend = new CpuBackend(undefined, undefined, kvType);
  const session = await loadModel(model, weights, { capacity, tail: 'logits' }, backend);
  weights.close();
  return new ModelRunner(session, model.config, backend, backend.createKvStore(model.config, 1, capacity, 1));
}

async function compare(
  exact: ModelRunner,
  rounded: ModelRunner,
  windows: readonly Int32Array[],
): Promise<Omit<Quality, 'quantization'>> {
  const sums = { tokens: 0, same: 0, kl: 0, exactLoss: 0, roundedLoss: 0 };
  for (const ids of windows) {
    for (let past = 0; past < ids.length; past += MAX_LOGIT_ROWS) {
      const piece = ids.slice(past, past + MAX_LOGIT_ROWS);
      const item = { row: 0, past, ids: piece, logitPositions: Array.from(piece.keys()) };
      const [expected, actual] = [await exact.extend([item]), await rounded.extend([item])];
      const vocab = expected.length / piece.length;
      for (let at = 0; at < piece.length; at++) {
        const next = ids[past + at + 1];
        if (next === undefined) continue;
        const p = logSoftmax(expected.subarray(at * vocab, (at + 1) * vocab));
        const q = logSoftmax(actual.subarray(at * vocab, (at + 1) * vocab));
        sums.tokens++;
        sums.same += argmax(p) === argmax(q) ? 1 : 0;
        sums.kl += p.reduce((sum, log, token) => sum + Math.exp(log) * (log - (q[token] as number)), 0);
        sums.exactLoss -= p[next] as number;
        sums.roundedLoss -= q[next] as number;
      }
    }
  }
  const { tokens, same, kl, exactLoss, roundedLoss } = sums;
  const perplexity = { float32: Math.exp(exactLoss / tokens), quantized: Math.exp(roundedLoss / tokens) };
  return { tokens, top1: same / tokens, kl: kl / tokens, perplexity };
}

function logSoftmax(logits: Float32Array): Float64Array {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const log = max + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - max), 0));
  return Float64Array.from(logits, (logit) => logit - log);
}

function argmax(values: Float64Array): number {
  return values.reduce((best, value, at) => (value > (values[best] as number) ? at : best), 0);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
