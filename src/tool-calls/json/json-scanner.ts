import { bug } from '../../core/errors';

/** What may come next, outside strings and atoms. */
type Mode =
  'value' | 'first_value' | 'first_key' | 'key' | 'colon' | 'separator' | 'string' | 'key_string' | 'atom';

/** Containers in containers. Nobody writes calls that deep; a text of brackets alone would otherwise grow without bounds. */
const MAX_DEPTH = 64;
const JSON_SPACE = /[ \t\n\r]/;
const ATOM_CHARACTER = /[-+.\w]/;
const ATOM = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/;
const SIMPLE_ESCAPES = '"\\/bfnrt';

/**
 * Finds the end of one JSON value in text that arrives in pieces, and hands it on as it is read, in such a way that `closing`
 * could complete it at any time. Handed on as it stands, but for two mistakes of models within string values, that are mended:
 * raw control characters, and backslashes before characters that need none.
 */
export class JsonScanner {
  /** `done` with the last character of the value, `bad` before the first that cannot follow. */
  state: 'open' | 'done' | 'bad' = 'open';
  #mode: Mode = 'value';
  readonly #containers: ('{' | '[')[] = [];
  #sure = '';
  /** Read, and no part of anything complete: separators, keys, beginnings of numbers and escapes. */
  #pending = '';
  #atom = '';
  #escape = '';

  /** @returns how many characters belong to the value, as far as is known */
  scan(text: string): number {
    let at = 0;
    while (at < text.length && this.state === 'open') at = this.#step(text, at);
    return at;
  }

  /** The end of the text; only a number or a word can end with it. */
  end(): void {
    if (this.state === 'open' && this.#mode === 'atom') this.#endAtom();
    if (this.state === 'open') this.state = 'bad';
  }

  /** What is sure since the last time. */
  take(): string {
    const sure = this.#sure;
    this.#sure = '';
    return sure;
  }

  /** What was read after all that is sure. */
  get pending(): string {
    return this.#pending + this.#atom + this.#escape;
  }

  /** What makes all that was taken a JSON value, once it began. */
  get closing(): string {
    const brackets = this.#containers.map((container) => (container === '{' ? '}' : ']'));
    return (this.#mode === 'string' ? '"' : '') + brackets.reverse().join('');
  }

  #step(text: string, at: number): number {
    switch (this.#mode) {
      case 'string':
      case 'key_string':
        return this.#inString(text, at);
      case 'atom':
        return this.#inAtom(text, at);
      default:
        return this.#betweenWords(text.charAt(at)) ? at + 1 : at;
    }
  }

  /** @returns false when the character was not read: it begins an atom, or cannot stand here */
  #betweenWords(character: string): boolean {
    if (!JSON_SPACE.test(character) && !this.#accept(character)) {
      this.state = 'bad';
      return false;
    }
    if (this.#mode === 'atom') return false;
    this.#pending += character;
    if (this.#mode !== 'key_string' && '{[]}"'.includes(character)) this.#commit();
    return true;
  }

  /** Whether a character may stand here; goes on to what follows it. */
  #accept(character: string): boolean {
    switch (this.#mode) {
      case 'colon':
        this.#mode = 'value';
        return character === ':';
      case 'separator':
        if (character !== ',') return this.#close(character);
        this.#mode = this.#containers.at(-1) === '{' ? 'key' : 'value';
        return true;
      case 'first_key':
      case 'key':
        if (character !== '"') return this.#mode === 'first_key' && this.#close(character);
        this.#mode = 'key_string';
        return true;
      case 'first_value':
        return (character === ']' && this.#close(character)) || this.#begin(character);
      default:
        return this.#begin(character);
    }
  }

  #begin(character: string): boolean {
    if (character === '"') this.#mode = 'string';
    else if (character === '{' || character === '[') {
      if (this.#containers.length === MAX_DEPTH) return false;
      this.#containers.push(character);
      this.#mode = character === '{' ? 'first_key' : 'first_value';
    } else if (ATOM_CHARACTER.test(character)) this.#mode = 'atom';
    else return false;
    return true;
  }

  #close(character: string): boolean {
    const open = this.#containers.at(-1);
    if (open === undefined || character !== (open === '{' ? '}' : ']')) return false;
    this.#containers.pop();
    this.#endValue();
    return true;
  }

  #inString(text: string, at: number): number {
    if (this.#escape !== '') return this.#inEscape(text.charAt(at)) ? at + 1 : at;
    let end = at;
    while (end < text.length && isPlain(text.charCodeAt(end))) end++;
    this.#put(text.slice(at, end));
    if (end === text.length) return end;
    const special = text.charAt(end);
    if (special === '\\') this.#escape = special;
    else if (special === '"') this.#endString();
    else if (this.#mode === 'string') this.#put(JSON.stringify(special).slice(1, -1));
    else {
      this.state = 'bad';
      return end;
    }
    return end + 1;
  }

  /** @returns false when the character is not part of the escape and was not read */
  #inEscape(character: string): boolean {
    const escape = this.#escape + character;
    if (/^\\u[\da-fA-F]{0,3}$/.test(escape)) {
      this.#escape = escape;
      return true;
    }
    const isEscape = SIMPLE_ESCAPES.includes(character) || escape.length === 6;
    if (isEscape && /^\\(?:u[\da-fA-F]{4}|[^u])$/.test(escape)) this.#put(escape);
    else if (this.#mode === 'string') {
      // A backslash that escapes nothing is one that should have been escaped, as in regular expressions and paths.
      this.#put(`\\${this.#escape}`);
      this.#escape = '';
      return false;
    } else {
      this.state = 'bad';
      return false;
    }
    this.#escape = '';
    return true;
  }

  #endString(): void {
    this.#put('"');
    if (this.#mode === 'key_string') this.#mode = 'colon';
    else this.#endValue();
  }

  #inAtom(text: string, at: number): number {
    let end = at;
    while (end < text.length && ATOM_CHARACTER.test(text.charAt(end))) end++;
    this.#atom += text.slice(at, end);
    if (end < text.length) this.#endAtom();
    return end;
  }

  #endAtom(): void {
    if (!ATOM.test(this.#atom)) {
      this.state = 'bad';
      return;
    }
    this.#pending += this.#atom;
    this.#atom = '';
    this.#commit();
    this.#endValue();
  }

  #endValue(): void {
    if (this.#containers.length === 0) this.state = 'done';
    this.#mode = 'separator';
  }

  /** Text within a string: that of a value is sure at once. */
  #put(text: string): void {
    if (this.#mode === 'string') this.#sure += text;
    else if (this.#mode === 'key_string') this.#pending += text;
    else throw bug('text of a string outside of strings');
  }

  #commit(): void {
    this.#sure += this.#pending;
    this.#pending = '';
  }
}

function isPlain(code: number): boolean {
  return code >= 0x20 && code !== 0x22 && code !== 0x5c;
}
