import * as path from 'node:path';
import type { z } from 'zod';
import { StartupError } from '../../core/errors';
import { configOfGguf } from '../../checkpoint/gguf/gguf-config';
import { readGguf } from '../../checkpoint/gguf/gguf-file';
import { isGgufPlace } from '../../checkpoint/gguf/locate';
import { readModelJson } from '../../checkpoint/model-files';
import { checkFields, object } from './fields';
import { rawConfigSchema, type RawConfig } from './raw-config';

/**
 * A model folder's config.json, or what a GGUF file says in its place: the fields that all families share, checked, and the rest on
 * request. What a multimodal checkpoint says of its language model in `text_config` stands at the top here, so that a family need not know.
 */
export class ConfigFile {
  readonly fields: RawConfig;
  private readonly raw: Readonly<Record<string, unknown>>;

  /**
   * @param dir the model folder, or a GGUF file
   * @param overrides of --json-model-override-args; each replaces a field of config.json
   * @throws StartupError of one line for a missing file, or a missing or wrong field
   */
  constructor(
    readonly dir: string,
    private readonly overrides: Readonly<Record<string, unknown>>,
  ) {
    const stored = isGgufPlace(dir) ? configOfGguf(readGguf(dir)) : readModelJson(dir, 'config.json');
    if (stored === null) throw new StartupError(`${this.file}: no such file`);
    const whole = { ...stored, ...overrides };
    const nested = whole['text_config'];
    this.raw =
      nested === undefined || nested === null
        ? whole
        : { ...whole, ...this.checkObject(nested), ...outer(whole), ...overrides };
    this.fields = this.read(rawConfigSchema);
  }

  /** Its path, for errors. */
  get file(): string {
    return configPath(this.dir);
  }

  /** Fields that only one family has. @throws StartupError naming the field that is wrong */
  read<T>(schema: z.ZodType<T>): T {
    return checkFields(schema, this.raw, (field) =>
      Object.hasOwn(this.overrides, field) ? '--json-model-override-args' : this.file,
    );
  }

  /** An error that names this file. */
  refusal(what: string): StartupError {
    return new StartupError(`${this.file}: ${what}`);
  }

  private checkObject(nested: unknown): Readonly<Record<string, unknown>> {
    if (object.safeParse(nested).success) return nested as Record<string, unknown>;
    throw this.refusal(`'text_config' must be an object`);
  }
}

/** The file that says what a model is. */
export function configPath(dir: string): string {
  return isGgufPlace(dir) ? dir : path.join(dir, 'config.json');
}

/** What stays as the whole model says: who it is, and where its texts end. */
function outer(whole: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = ['architectures', 'model_type', 'eos_token_id', 'bos_token_id', 'quantization_config'];
  return Object.fromEntries(own.filter((key) => whole[key] != null).map((key) => [key, whole[key]]));
}
