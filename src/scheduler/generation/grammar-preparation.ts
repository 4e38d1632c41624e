import { bug } from '../../core/errors';
import type { GrammarCompiler } from '../../constrained/grammar-compiler';
import type { Recorder } from '../../metrics/recorder';
import { timed } from './grammar-metrics';
import type { Preparation } from './preparation';
import type { Request } from './request';

/** Gets requests their compiled grammars. */
export class GrammarPreparation implements Preparation {
  constructor(
    private readonly compiler: GrammarCompiler,
    private readonly metrics: Recorder,
  ) {}

  isNeeded({ grammar }: Request): boolean {
    return grammar !== null;
  }

  async prepare({ grammar, sampler }: Request, signal: AbortSignal): Promise<void> {
    if (grammar === null) throw bug('a request that needs no grammar');
    const matcher = await this.compiler.matcher(grammar, signal);
    if (signal.aborted) matcher.dispose();
    else sampler.constrain(timed(matcher, this.metrics));
  }

  /** Grammars are part of what `/flush_cache` drops. */
  flush(): void {
    this.compiler.clear();
  }
}
