/** A key lives as long as its tab. */
const STORED_AS = 'sglang-node.api-key';

/** What the server answered in place of what was asked for, in words. */
export class ServerError extends Error {
  /** @param status null where nothing was answered */
  constructor(
    readonly status: number | null,
    message: string,
  ) {
    super(message);
  }
}

/** `wanted` when the server asks for a key, `given` when there is a new one. */
export const keyEvents = new EventTarget();

export function hasKey(): boolean {
  return sessionStorage.getItem(STORED_AS) !== null;
}

export function giveKey(key: string): void {
  sessionStorage.setItem(STORED_AS, key);
  keyEvents.dispatchEvent(new Event('given'));
}

/**
 * Asks this server, with the key if there is one, and gives back whatever it answers.
 * @param path without a slash at its start: relative to the page, so that it stays behind the prefix of a proxy
 * @throws ServerError when there is no answer; DOMException `AbortError` when the signal of `init` fires
 */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = sessionStorage.getItem(STORED_AS);
  // A header has bytes; the server takes them as UTF-8.
  if (key !== null) headers.set('authorization', `Bearer ${toBytes(key)}`);
  let reply: Response;
  try {
    reply = await fetch(path, { ...init, headers });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ServerError(null, 'The server cannot be reached.');
  }
  if (reply.status === 401) keyEvents.dispatchEvent(new Event('wanted'));
  return reply;
}

/** As `request`. @throws ServerError also for an answer that is not 2xx */
export async function call(path: string, init?: RequestInit): Promise<Response> {
  const reply = await request(path, init);
  if (reply.ok) return reply;
  throw new ServerError(reply.status, errorText(reply.status, await reply.text()));
}

/** The options of a POST with a JSON body. */
export function posting(body: string): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json' } };
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** What an error reply says, in whichever of SGLang's and OpenAI's forms it says it. */
export function errorText(status: number, body: string): string {
  if (status === 401) return hasKey() ? 'The server refused the API key.' : 'The server asks for an API key.';
  let said: unknown;
  try {
    said = JSON.parse(body);
  } catch {
    said = { message: body };
  }
  const { error, message, detail } = (said ?? {}) as Record<string, unknown>;
  const inner = (error as { message?: unknown } | null | undefined)?.message;
  const text = [inner, error, message, detail].find((part) => typeof part === 'string' && part !== '');
  return (text as string | undefined) ?? `The server answered ${status}.`;
}

function toBytes(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
