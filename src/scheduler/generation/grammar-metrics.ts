import type { CompilerNews } from '../../constrained/grammar-compiler';
import type { Grammar, GrammarMatcher } from '../../core/grammar';
import type { Recorder } from '../../metrics/recorder';

/** Counts a grammar that a request came with. Its size is told once, when it first comes. */
export function recordGrammar(metrics: Recorder, { grammar, outcome, seconds }: CompilerNews): void {
  metrics.record('num_grammar_total', 1);
  if (outcome === 'hit') return metrics.record('num_grammar_cache_hit_total', 1);
  metrics.record('grammar_compilation_time_seconds', seconds);
  if (grammar.kind === 'ebnf') metrics.record('grammar_ebnf_size', grammar.source.length);
  else if (grammar.kind !== 'regex') metrics.record('grammar_schema_count', schemaCount(grammar));
  if (outcome === 'refused' || outcome === 'timeout') metrics.record('num_grammar_aborted_total', 1);
  if (outcome === 'timeout') metrics.record('num_grammar_timeout_total', 1);
}

/** A matcher that measures how long it takes to find the tokens that may come next, and tells it when its request ends. */
export function timed(matcher: GrammarMatcher, metrics: Recorder): GrammarMatcher {
  let [sum, longest, count] = [0, 0, 0];
  return {
    mask: async () => {
      const startedAt = performance.now();
      const mask = await matcher.mask();
      const seconds = (performance.now() - startedAt) / 1000;
      sum += seconds;
      longest = Math.max(longest, seconds);
      count += 1;
      return mask;
    },
    accept: (id) => matcher.accept(id),
    forced: () => matcher.forced(),
    get isTerminated() {
      return matcher.isTerminated;
    },
    dispose: () => {
      matcher.dispose();
      if (count === 0) return;
      metrics.record('grammar_tree_traversal_time_avg', sum / count);
      metrics.record('grammar_tree_traversal_time_max', longest);
    },
  };
}

/** Schemas in a grammar of JSON, or in a structural tag as it is handed to the engine. */
function schemaCount({ kind, source }: Grammar): number {
  return kind === 'json' ? 1 : countSchemas(JSON.parse(source));
}

function countSchemas(part: unknown): number {
  if (typeof part !== 'object' || part === null) return 0;
  if ('json_schema' in part && 'type' in part) return 1;
  return Object.values(part).reduce((sum: number, inner) => sum + countSchemas(inner), 0);
}
