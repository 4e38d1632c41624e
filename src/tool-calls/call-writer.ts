import { randomBytes } from 'node:crypto';
import type { CallIds, ParserEvent, Tool, ToolParserOptions } from './tool-parser';

/** Collects a parser's events: numbers calls, knows the tools, joins pieces that are neighbours. */
export class CallWriter {
  #events: ParserEvent[] = [];
  #calls = 0;
  #isAfterCall = false;
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #options: ToolParserOptions;
  readonly #ids: CallIds;

  constructor(options: ToolParserOptions, ids: CallIds = randomId) {
    this.#options = options;
    this.#ids = ids;
    this.#tools = new Map(options.tools.map((tool) => [tool.name, tool]));
  }

  /** Whether a call of this name is one. */
  knows(name: string): boolean {
    return name !== '' && (this.#options.forwardUnknown === true || this.#tools.has(name));
  }

  /** Schema of a tool's arguments; null where there is none. */
  schemaOf(name: string): unknown {
    return this.#tools.get(name)?.parameters ?? null;
  }

  /** Whether there was a call, and no text since. */
  get isAfterCall(): boolean {
    return this.#isAfterCall;
  }

  text(text: string): void {
    if (text === '') return;
    this.#isAfterCall = false;
    const last = this.#events.at(-1);
    if (last?.type === 'text') this.#events.splice(-1, 1, { type: 'text', text: last.text + text });
    else this.#events.push({ type: 'text', text });
  }

  /** Begins a call; its arguments come next. */
  call(name: string): void {
    const index = this.#calls++;
    const id = this.#ids(name, (this.#options.callsBefore ?? 0) + index);
    this.#isAfterCall = true;
    this.#events.push({ type: 'call', index, id, name });
  }

  /** A piece of the last call's arguments. */
  arguments(text: string): void {
    if (text === '') return;
    const index = this.#calls - 1;
    const last = this.#events.at(-1);
    if (last?.type === 'arguments') this.#events.splice(-1, 1, { ...last, text: last.text + text });
    else this.#events.push({ type: 'arguments', index, text });
  }

  /** Ends arguments whose text broke off. @param closing what makes them JSON */
  cut(closing: string): void {
    this.#events.push({ type: 'arguments', index: this.#calls - 1, text: closing, cut: true });
  }

  /** The events since the last time. */
  take(): ParserEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

function randomId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
