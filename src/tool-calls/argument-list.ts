import type { CallWriter } from './call-writer';

/** The arguments of a call whose values come one by one. The call is written when it is certain. */
export class ArgumentList {
  #isWritten = false;
  #isEmpty = true;
  readonly #keys = new Set<string>();

  constructor(
    private readonly writer: CallWriter,
    private readonly name: string,
  ) {}

  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Writes the call: it is certain from here on. */
  begin(): void {
    if (!this.#isWritten) this.writer.call(this.name);
    this.#isWritten = true;
  }

  /**
   * The next argument; one whose name was there is passed over.
   * @param value JSON text
   */
  add(key: string, value: string): void {
    this.begin();
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.writer.arguments(`${this.#isEmpty ? '{' : ', '}${JSON.stringify(key)}: ${value}`);
    this.#isEmpty = false;
  }

  end(): void {
    this.begin();
    this.writer.arguments(this.#closing);
  }

  /** The text breaks off. Nothing is written of a call that was not certain. */
  cut(): void {
    if (this.#isWritten) this.writer.cut(this.#closing);
  }

  get #closing(): string {
    return this.#isEmpty ? '{}' : '}';
  }
}
