import type * as XGrammar from '@mlc-ai/web-xgrammar' with { 'resolution-mode': 'import' };
import { readFileSync } from 'node:fs';
import { compileFunction } from 'node:vm';

type Library = typeof XGrammar;

/** One instance of the library's WebAssembly module: its own memory, and what it last wrote to its error stream. */
export interface XGrammarModule {
  readonly library: Library;
  /** Takes the lines written since the last call. */
  takeErrors(): string[];
}

const PACKAGE = '@mlc-ai/web-xgrammar';

/**
 * Loads a fresh instance. The package's one file is of a form that neither `import` nor `require` takes (UMD in a package of
 * modules), so it is evaluated here, with names of its own: a console, where it says why a grammar is refused, and no `process`,
 * without which it looks for nothing outside itself. Its WebAssembly is part of the file; nothing is fetched.
 */
export function loadXGrammar(): XGrammarModule {
  const errors: string[] = [];
  const keep = (...words: unknown[]) => errors.push(words.join(' '));
  const filename = require.resolve(PACKAGE);
  const names = { exports: {}, module: {}, require, __filename: filename, process: undefined };
  const all = { ...names, console: { log: keep, warn: keep, error: keep } };
  const run = compileFunction(readFileSync(filename, 'utf8'), Object.keys(all), { filename }) as (
    ...values: unknown[]
  ) => void;
  run(...Object.values(all));
  return { library: names.exports as Library, takeErrors: () => errors.splice(0) };
}
