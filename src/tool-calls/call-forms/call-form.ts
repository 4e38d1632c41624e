/** A format of a structural tag. */
export type TagFormat = Readonly<Record<string, unknown>>;

/** How a grammar has a model write calls in its own format. Its texts may have marks in them (`mark`). */
export interface CallForm {
  /** What begins calls and nothing else; null where a call may look like any other text. */
  readonly trigger: string | null;
  /** Before the first call of an answer and after the last one; null where nothing is. */
  readonly around: readonly [begin: string, end: string] | null;
  /** Between calls; not empty. */
  readonly separator: string;
  /**
   * @param schema of the arguments, as the client wrote it; null for whatever arguments
   * @returns a tag; null where no grammar describes a call with this name, or with arguments of this schema
   */
  readonly call: (name: string, schema: unknown) => TagFormat | null;
}

/** Whether all parsers read this as a name. */
export function isPlainName(name: string): boolean {
  return /^[\w.-]+$/.test(name);
}

export function tag(begin: string, content: TagFormat, end: string): TagFormat {
  return { type: 'tag', begin, content, end };
}

export function jsonOf(schema: unknown): TagFormat {
  return { type: 'json_schema', json_schema: schema };
}

/** Calls and nothing else. @param calls as the form has them @param isParallel whether there may be several */
export function forcedCalls(form: CallForm, calls: readonly TagFormat[], isParallel: boolean): TagFormat {
  const { around, separator } = form;
  const one = { at_least_one: true, stop_after_first: !isParallel };
  const list = { type: 'tags_with_separator', tags: calls, separator, ...one };
  if (around === null) return list;
  const [begin, end] = around;
  if (end !== '') return tag(begin, list, end);
  return { type: 'sequence', elements: [{ type: 'const_string', value: begin }, list] };
}

/** Any text, in which calls may come; null where they cannot be told from it. */
export function possibleCalls(
  form: CallForm,
  calls: readonly TagFormat[],
  isParallel: boolean,
): TagFormat | null {
  const { trigger, around } = form;
  if (trigger === null) return null;
  const any = { at_least_one: false, stop_after_first: !isParallel };
  return { type: 'triggered_tags', triggers: [trigger], tags: tagsOf(), ...any };

  function tagsOf(): readonly TagFormat[] {
    if (around === null) return calls;
    const [begin, end] = around;
    return end === '' ? calls.map((call) => tag(begin, call, '')) : [forcedCalls(form, calls, isParallel)];
  }
}
