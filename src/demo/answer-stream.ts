/** One event of the stream of /generate: the text so far, or an error. */
interface GenerateEvent {
  readonly text?: string;
  readonly error?: { readonly message: string };
}

const MAX_NEW_TOKENS = 256;

/**
 * Asks the server for an answer and yields the text as it grows, piece by piece. Stopping the iteration or aborting the
 * signal closes the connection, which ends the request on the server.
 * @throws Error with the server's own message
 */
export async function* answerStream(
  url: string,
  prompt: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const response = await fetch(`${url}/generate`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      text: prompt,
      stream: true,
      sampling_params: { temperature: 0, max_new_tokens: MAX_NEW_TOKENS },
    }),
    signal,
  });
  if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
  let shown = 0;
  for await (const data of events(response.body)) {
    if (data === '[DONE]') return;
    const { text = '', error } = JSON.parse(data) as GenerateEvent;
    if (error) throw new Error(error.message);
    yield text.slice(shown);
    shown = text.length;
  }
}

/** The data of each server-sent event. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of body) {
    pending += decoder.decode(bytes, { stream: true });
    const parts = pending.split('\n\n');
    pending = parts.pop() ?? '';
    for (const part of parts) if (part.startsWith('data: ')) yield part.slice('data: '.length);
  }
}
