/**
 * The `data` of each event of a stream of server-sent events, until the closing `[DONE]`. Cancels the stream when it is left
 * early.
 */
export async function* eventData(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = block.replace(/^data: ?/, '');
        if (data === '[DONE]') return;
        yield data;
      }
    }
  } finally {
    await reader.cancel();
  }
}
