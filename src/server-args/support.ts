import { isDeepStrictEqual } from 'node:util';

import { argumentError } from './convert';
import type { ParsedFlags } from './parse';
import { displayName, TABLE, type TableFlag } from './table';

function asksForNothing(flag: TableFlag, value: unknown): boolean {
  const allowed = flag.support.kind === 'yes' ? [] : (flag.support.allowed ?? []);
  return [flag.default, ...allowed].some((harmless) => isDeepStrictEqual(harmless, value));
}

/**
 * Refuses flags set to what this server does not do.
 * @returns one warning for each flag that is accepted without effect
 * @throws UsageError that names the first refused flag
 */
export function checkSupport({ values, given }: ParsedFlags): string[] {
  const warnings: string[] = [];
  for (const flag of TABLE) {
    const key = flag.key;
    if (!given.has(key) || asksForNothing(flag, values[key])) continue;
    const { support } = flag;
    switch (support.kind) {
      case 'yes':
        break;
      case 'warn':
        warnings.push(`${displayName(flag)} has no effect: ${support.reason}.`);
        break;
      case 'reject':
        throw argumentError(flag, support.reason);
      case 'later':
        throw argumentError(flag, `${support.reason} is not available yet`);
    }
  }
  return warnings;
}
