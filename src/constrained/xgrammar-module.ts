import type * as XGrammar from '@mlc-ai/web-xgrammar' with { 'resolution-mode': 'import' };
import { readFileSync } from 'node:fs';
import { compileFunction } from 'node:vm';
import { bug } from '../core/errors';

type Library = typeof XGrammar;

/** One instance of the library's WebAssembly module: its own memory, and what it last wrote to its error stream. */
export interface XGrammarModule {
  readonly library: Library;
  /** Takes the lines written since the last call. */
  takeErrors(): string[];
}

const PACKAGE = '@mlc-ai/web-xgrammar';

/** The engine's WebAssembly, as base64 in its file. */
const WASM = /AGFzbQEAAA[A-Za-z0-9+/=]*/;
/**
 * Where the engine merges states of an automaton, it first asks whether the automaton is too large for that (`if size >= 1200001` in
 * bytes). Merging is wrong: states that begin alike and states that end alike are joined in one pass, so that 109|110|…|129 comes to
 * contain 100. Here every automaton counts as too large (`if size >= 0`); the step after it makes automata small without fault.
 */
const MERGING = Buffer.from('6b41819fc9004e0440', 'hex');
const NO_MERGING = Buffer.from('6b41808080004e0440', 'hex');

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
  const run = compileFunction(withoutMerging(readFileSync(filename, 'utf8')), Object.keys(all), {
    filename,
  }) as (...values: unknown[]) => void;
  run(...Object.values(all));
  return { library: names.exports as Library, takeErrors: () => errors.splice(0) };
}

/** The library's file with the merging of states switched off in its engine. */
function withoutMerging(source: string): string {
  const wasm = Buffer.from(WASM.exec(source)?.[0] ?? '', 'base64');
  const at = wasm.indexOf(MERGING);
  if (at < 0 || wasm.includes(MERGING, at + 1)) throw bug('a grammar engine of another build');
  NO_MERGING.copy(wasm, at);
  return source.replace(WASM, () => wasm.toString('base64'));
}
