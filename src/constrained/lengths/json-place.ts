import type { Length, Node } from './string-lengths';

interface Frame {
  readonly outer: Frame | null;
  readonly node: Node | null;
  /** Index of the item that is read or comes next; null in an object. */
  readonly index: number | null;
  /** In an object, what the value of the last name is held to. */
  readonly named: Node | null;
  /** Whether a name comes next. */
  readonly wantsName: boolean;
}

/** Digits that the code of an escape still lacks, after `\u`. */
const DIGITS = 4;
const HIGH = { from: 0xd800, to: 0xdbff };
const LOW = { from: 0xdc00, to: 0xdfff };

/**
 * Where a text of JSON stands, and how many characters the string there has: code points of Unicode, so that an escape counts as
 * one, and so do two that are the halves of a character. The text comes as bytes, each a character.
 */
export class JsonPlace {
  private frame: Frame | null = null;
  private name: string | null = null;
  private isInString = false;
  private escape: 'none' | 'begun' | 'digits' = 'none';
  private digits = '';
  /** Whether the last character is half of one, so that another half would be no further one. */
  private isAfterHalf = false;
  private bound: Length | null = null;
  private counted = 0;

  constructor(private readonly root: Node | null) {}

  /** A place at the beginning of a string. */
  static inString(bound: Length): JsonPlace {
    const place = new JsonPlace(null);
    place.isInString = true;
    place.bound = bound;
    return place;
  }

  copy(): JsonPlace {
    return Object.assign(new JsonPlace(this.root), this);
  }

  /** Whether a string is open. */
  get isOpen(): boolean {
    return this.isInString;
  }

  /** Whether what comes next means the same as at the beginning of a string. */
  get isPlain(): boolean {
    return this.escape === 'none' && !this.isAfterHalf;
  }

  /** Of the string that is open; null where its length is not counted. */
  get length(): Length | null {
    return this.isInString ? this.bound : null;
  }

  /** Characters of the string that is open or was last open; an escape counts once it is whole. */
  get count(): number {
    return this.counted;
  }

  /** Characters that the string needs at least: one more where an escape has begun. */
  get needed(): number {
    return this.counted + (this.escape === 'none' ? 0 : 1);
  }

  /** @returns false where a string becomes too long, or ends too short; the place is of no use then */
  read(text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (!(this.isInString ? this.readInString(text, i) : this.readOutside(text.charAt(i)))) return false;
    }
    return true;
  }

  private readInString(text: string, at: number): boolean {
    const code = text.charCodeAt(at);
    if (this.name !== null && (code !== 0x22 || this.escape !== 'none')) this.name += text.charAt(at);
    if (this.escape === 'begun') {
      if (code === 0x75) {
        this.escape = 'digits';
        this.digits = '';
        return true;
      }
      return this.endEscape(null);
    }
    if (this.escape === 'digits') {
      this.digits += text.charAt(at);
      return this.digits.length < DIGITS ? this.mayBeHalf() : this.endEscape(parseInt(this.digits, 16));
    }
    if (code === 0x22) return this.close();
    if (code === 0x5c) {
      this.escape = 'begun';
      return this.isAfterHalf || this.counted < this.most;
    }
    this.isAfterHalf = false;
    // The further bytes of a character are none of their own.
    return code >= 0x80 && code < 0xc0 ? true : this.add();
  }

  /** After a half in the last place nothing fits but the other half: its code begins with DC to DF. */
  private mayBeHalf(): boolean {
    return this.counted < this.most || /^d([c-f]|$)/i.test(this.digits);
  }

  private endEscape(code: number | null): boolean {
    this.escape = 'none';
    const isOther = this.isAfterHalf && code !== null && code >= LOW.from && code <= LOW.to;
    this.isAfterHalf = code !== null && code >= HIGH.from && code <= HIGH.to;
    return isOther || this.add();
  }

  private add(): boolean {
    this.counted += 1;
    return this.counted <= this.most;
  }

  private get most(): number {
    return this.bound?.most ?? Infinity;
  }

  private close(): boolean {
    this.isInString = false;
    this.isAfterHalf = false;
    if (this.name !== null && this.frame !== null) {
      const named = this.frame.node?.property(nameOf(this.name)) ?? null;
      this.frame = { ...this.frame, named, wantsName: false };
    }
    this.name = null;
    return this.counted >= (this.bound?.least ?? 0);
  }

  private readOutside(letter: string): boolean {
    switch (letter) {
      case '"':
        this.isInString = true;
        this.name = this.frame?.wantsName === true ? '' : null;
        this.bound = this.name === null ? (this.value()?.string ?? null) : null;
        this.counted = 0;
        return true;
      case '{':
      case '[': {
        const isArray = letter === '[';
        const index = isArray ? 0 : null;
        this.frame = { outer: this.frame, node: this.value(), index, named: null, wantsName: !isArray };
        return true;
      }
      case '}':
      case ']':
        this.frame = this.frame?.outer ?? null;
        return true;
      case ',':
        if (this.frame !== null) {
          const { index } = this.frame;
          this.frame = { ...this.frame, index: index === null ? null : index + 1, wantsName: index === null };
        }
        return true;
      default:
        return true;
    }
  }

  /** What the value that comes next is held to. */
  private value(): Node | null {
    if (this.frame === null) return this.root;
    const { node, index, named } = this.frame;
    return index === null ? named : (node?.item(index) ?? null);
  }
}

/** @param bytes of what stands between the quotes */
function nameOf(bytes: string): string {
  const text = Buffer.from(bytes, 'latin1').toString();
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text; // Bytes that are no text of JSON name nothing that a schema names.
  }
}
