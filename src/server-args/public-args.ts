import { pythonRepr } from '../logging/python-repr';
import type { ServerArgs } from './server-args';
import { TABLE, type TableFlag } from './table';

const REDACTED = '***';

function publicValue(flag: TableFlag, args: ServerArgs): unknown {
  const value = args[flag.key] ?? flag.default;
  if (flag.secret) return value === null ? null : REDACTED;
  return flag.publishedAsText ? JSON.stringify(value) : value;
}

/**
 * The arguments as /server_info shows them: flat, under SGLang's field names, every flag present (null when unset),
 * secrets as `***`.
 */
export function toPublicArgs(args: ServerArgs): Record<string, unknown> {
  return Object.fromEntries(TABLE.map((flag) => [flag.field, publicValue(flag, args)]));
}

/**
 * The arguments as the start-up log shows them: `ServerArgs(model_path='…', …)`, secrets as `***`. Only flags that have an
 * effect and those that were given: the many others would hide them.
 */
export function formatServerArgs(args: ServerArgs): string {
  const given = new Set(args.given);
  const shown = TABLE.filter((flag) => flag.support.kind === 'yes' || given.has(flag.key));
  const fields = shown.map(
    (flag) => `${flag.field}=${pythonRepr(publicValue(flag, args), flag.kind === 'float')}`,
  );
  return `ServerArgs(${fields.join(', ')})`;
}
