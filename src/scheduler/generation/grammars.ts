import { CompileThread } from '../../constrained/compile-thread';
import { GrammarCompiler } from '../../constrained/grammar-compiler';
import { env } from '../../core/env';
import type { Recorder } from '../../metrics/recorder';
import type { LoadedModel } from '../../model-runner/load';
import type { ServerArgs } from '../../server-args/server-args';
import { recordGrammar } from './grammar-metrics';
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
  const compiler = new GrammarCompiler(thread, (news) => recordGrammar(metrics, news));
  return {
    preparations: [new GrammarPreparation(compiler, metrics)],
    close: () => void thread.close(),
  };
}
