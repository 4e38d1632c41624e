import { StartupError } from '../../core/errors';
import { quote } from '../model-files';

export type MetadataValue = number | boolean | string | readonly (number | boolean | string)[];

/** The metadata of a GGUF file, each value checked where it is asked for: null stands for one that is not there. */
export class Metadata {
  /** @param shown names the file in errors */
  constructor(
    readonly shown: string,
    private readonly values: ReadonlyMap<string, MetadataValue>,
  ) {}

  get keys(): readonly string[] {
    return [...this.values.keys()];
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  /** An error that names the file. */
  refusal(what: string): StartupError {
    return new StartupError(`${this.shown}: ${what}`);
  }

  text(key: string): string | null {
    return this.read(key, 'a text', (value) => typeof value === 'string');
  }

  bool(key: string): boolean | null {
    return this.read(key, 'true or false', (value) => typeof value === 'boolean');
  }

  number(key: string): number | null {
    return this.read(key, 'a number', (value): value is number => Number.isFinite(value));
  }

  whole(key: string, min = 0, max = Number.MAX_SAFE_INTEGER): number | null {
    const inRange = (value: MetadataValue): value is number =>
      Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
    return this.read(key, `a whole number from ${min} to ${max}`, inRange);
  }

  texts(key: string): readonly string[] | null {
    const areTexts = (value: MetadataValue): value is readonly string[] =>
      Array.isArray(value) && value.every((item) => typeof item === 'string');
    return this.read(key, 'a list of texts', areTexts);
  }

  numbers(key: string): readonly number[] | null {
    const areNumbers = (value: MetadataValue): value is readonly number[] =>
      Array.isArray(value) && value.every((item) => typeof item === 'number');
    return this.read(key, 'a list of numbers', areNumbers);
  }

  /** A number, or the one that a list has for every layer. */
  forAllLayers(key: string): number | null {
    const value = this.values.get(key);
    if (!Array.isArray(value)) return this.number(key);
    const [first, ...others] = this.numbers(key) ?? [];
    if (first === undefined || others.some((other) => other !== first)) {
      throw this.refusal(`${quote(key)} is not the same for all layers, which is not supported`);
    }
    return first;
  }

  private read<T extends MetadataValue>(
    key: string,
    expected: string,
    check: (value: MetadataValue) => value is T,
  ): T | null {
    const value = this.values.get(key);
    if (value === undefined) return null;
    if (check(value)) return value;
    throw this.refusal(
      `${quote(key)} must be ${expected}, found ${quote(Array.isArray(value) ? 'a list' : value)}`,
    );
  }
}
