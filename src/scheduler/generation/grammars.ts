import { CompileThread } from '../../constrained/compile-thread';
import { GrammarCompiler, type CompilerNews } from '../../constrained/grammar-compiler';
import { env } from '../../core/env';
import type { Recorder } from '../../metrics/recorder';
import type { LoadedModel } from '../../model-runner/load';
import type { ServerArgs } from '../../server-args/server-args';
import { GrammarPreparation } from './grammar-preparation';
import type { Preparation } from './preparation';

/** What a scheduler needs for grammars; nothing is loaded before the first one. */
export interface Grammars {
  readonly preparations: readonly Preparation[];
  close(): void;
}

/** @param tokenizerDir folder of tokenizer.json */
export function openGrammars(
  args: ServerArgs,
  { config }: LoadedModel,
  tokenizerDir: string,
  metrics: Recorder,
): Grammars {
  const thread = new CompileThread(
    {
      tokenizerDir,
      vocabSize: config.vocabSize,
      eosTokenIds: config.eosTokenIds,
      style: { anyWhitespace: !args.constrainedJsonDisableAnyWhitespace },
    },
    env('SGLANG_GRAMMAR_TIMEOUT') * 1000,
  );
  const compiler = new GrammarCompiler(thread, (news) => record(metrics, news));
  return {
    preparations: [new GrammarPreparation(compiler)],
    close: () => void thread.close(),
  };
}

function record(metrics: Recorder, { outcome, seconds }: CompilerNews): void {
  metrics.record('num_grammar_total', 1);
  if (outcome === 'hit') metrics.record('num_grammar_cache_hit_total', 1);
  else metrics.record('grammar_compilation_time_seconds', seconds);
  if (outcome === 'refused' || outcome === 'timeout') metrics.record('num_grammar_aborted_total', 1);
  if (outcome === 'timeout') metrics.record('num_grammar_timeout_total', 1);
}
