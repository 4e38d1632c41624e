/**
 * Every error a user can meet, in one place: its code, its HTTP status and the shape of its body.
 *
 * The body shapes are SGLang's own (see docs/api.md):
 * - `native`:     `{"error":{"message"}}`, a value a native handler refuses
 * - `validation`: `{"object":"error","message","type":"Bad Request","param":null,"code"}`, a body that does not parse
 * - `http`:       `{"object":"error","message","type":"<status>","param":null,"code"}`
 * - `openai`:     as `http`, with a name such as `InternalServerError` as type
 * - `detail`:     `{"detail"}`, what the web framework itself answers
 */
export type ErrorEnvelope = 'native' | 'validation' | 'http' | 'openai' | 'detail';

const REGISTRY = {
  /** A request value that is refused: out of range, too long, contradictory. */
  bad_value: { status: 400, envelope: 'native' },
  /** A request body of the wrong type or form. */
  bad_request: { status: 400, envelope: 'validation' },
  /** A feature that exists upstream and is not available here. */
  not_available: { status: 400, envelope: 'native' },
  /** A resource named in the URL that does not exist (a known route). */
  not_found: { status: 404, envelope: 'http' },
  unknown_route: { status: 404, envelope: 'detail' },
  method_not_allowed: { status: 405, envelope: 'detail' },
  body_too_large: { status: 413, envelope: 'http' },
  /** The scheduler refuses for lack of room or time: queue full, timeout, priority refusal. */
  overloaded: { status: 503, envelope: 'http' },
  /** A token id that no tokenizer can turn into text; SGLang's clients expect a server error. */
  undecodable_token: { status: 500, envelope: 'openai' },
  internal: { status: 500, envelope: 'http' },
} as const satisfies Record<string, { status: number; envelope: ErrorEnvelope }>;

export type ErrorCode = keyof typeof REGISTRY;

/** An error that becomes an HTTP reply. Thrown anywhere between the socket and the scheduler. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }

  get status(): number {
    return REGISTRY[this.code].status;
  }

  get envelope(): ErrorEnvelope {
    return REGISTRY[this.code].envelope;
  }
}

/**
 * The server cannot start because of something the operator can mend: a damaged checkpoint, a missing provider,
 * a port in use. Printed as one line without a stack trace; exit code 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** Wrong command line. Printed as `launch_server: error: <message>`; exit code 2, as argparse does. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** An error for a state the code itself rules out. */
export function bug(message: string): Error {
  return new Error(`${message} (this is a bug)`);
}

/** Ends a `switch` over a union; fails to compile when a member is not handled. */
export function assertNever(value: never): never {
  throw bug(`unexpected value ${JSON.stringify(value)}`);
}

/** The text of anything that can be thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack of anything that can be thrown, for the log; its text where it has none. */
export function traceOf(error: unknown): string {
  return (error instanceof Error ? error.stack : undefined) ?? errorMessage(error);
}
