/**
 * Every error a user can meet, in one place: its code and its HTTP status. What its body looks like is the business of the
 * dialect that a route speaks (`src/http/dialect.ts`).
 */
const REGISTRY = {
  /** A request value that is refused: out of range, too long, contradictory. */
  bad_value: { status: 400 },
  /** A request body of the wrong type or form. */
  bad_request: { status: 400 },
  /** A feature that exists upstream and is not available here. */
  not_available: { status: 400 },
  /** No key, or the wrong one. */
  unauthorized: { status: 401 },
  /** A resource named in the URL that does not exist (a known route). */
  not_found: { status: 404 },
  /** A model that this server does not have. */
  model_not_found: { status: 404 },
  unknown_route: { status: 404 },
  method_not_allowed: { status: 405 },
  body_too_large: { status: 413 },
  /** No room or no time: queue full, timeout, priority refusal, a server that starts or stops. Worth another try. */
  overloaded: { status: 503 },
  /** A token id that no tokenizer can turn into text; SGLang's clients expect a server error. */
  undecodable_token: { status: 500 },
  /** A request that the engine could not finish. */
  internal: { status: 500 },
  /** A failure of the server's own, of which its clients learn nothing more. */
  unexpected: { status: 500 },
} as const satisfies Record<string, { status: number }>;

export type ErrorCode = keyof typeof REGISTRY;

/** An error that becomes an HTTP reply. Thrown anywhere between the socket and the scheduler. */
export class RequestError extends Error {
  override readonly name = 'RequestError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The field or parameter that is at fault, where it is one alone. */
    readonly param: string | null = null,
  ) {
    super(message);
  }

  get status(): number {
    return REGISTRY[this.code].status;
  }
}

/** What stops work for a client that has left; nobody reads it. */
export function clientLeft(): RequestError {
  return new RequestError('bad_value', 'Request is disconnected from the client side. Abort request.');
}

/**
 * The server cannot start because of something the operator can mend: a damaged checkpoint, a missing provider,
 * a port in use. Printed as one line without a stack trace; exit code 1.
 */
export class StartupError extends Error {
  override readonly name = 'StartupError';
}

/** What the server computes on is gone for good: the process ends, with one line that says so. */
export class DeviceLostError extends StartupError {}

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
