import { PLAIN_EMBED } from './embed/embed-request';
import { UNCOUNTED } from './generate/generate-manager';
import { DEFAULT_GENERATE_REQUEST, NO_ORIGIN } from './generate-request';
import type { TokenizerManager, TokenizerManagerDeps } from './tokenizer-manager';

/** See `TokenizerManager.probe`. */
export async function probeEach(
  manager: Pick<TokenizerManager, 'encode' | 'generate'>,
  { facts, toSchedulers }: Pick<TokenizerManagerDeps, 'facts' | 'toSchedulers'>,
  rid: string,
  gone: AbortSignal,
): Promise<void> {
  const probes = toSchedulers.map(async (_, dpRank) => {
    const name = toSchedulers.length === 1 ? rid : `${rid}_DP${dpRank}`;
    const common = { rid: name, dpRank, inputIds: [0], ...UNCOUNTED };
    if (facts.kind === 'embedding') {
      const request = { ...PLAIN_EMBED, ...common, text: null, origin: NO_ORIGIN };
      manager.encode(request, gone).catch(() => undefined);
      return;
    }
    const samplingParams = { max_new_tokens: 1, temperature: 0 };
    await manager.generate({ ...DEFAULT_GENERATE_REQUEST, ...common, samplingParams }, gone);
  });
  await Promise.all(probes);
}
