import { refuse } from '../bounds';

/** Told of each part of a schema that the engine would not hold the output to. */
export type ReportUnenforced = (keyword: string, path: string) => void;

/** What a schema is read with. */
export interface Reading {
  /** The parameter to blame. */
  readonly field: string;
  /** The whole schema, in which `$ref` looks. */
  readonly root: unknown;
  readonly unenforced: ReportUnenforced;
  /** By schema that is a `$ref`, what stands behind it. */
  readonly targets: Map<unknown, { readonly target: unknown }>;
}

/** Has a request refused for what could not be enforced. */
export function refuseUnenforced(field: string): ReportUnenforced {
  return (keyword, path) =>
    refuse(
      field,
      `${keyword} at ${path} cannot be enforced; leave it out, or set strict to false in response_format.`,
    );
}

/** A schema that is an object, or any other object of JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
