import { RequestError } from '../../core/errors';

/** Fields of chat completions, and what Ollama's API calls them. */
const NAMES: Readonly<Record<string, string>> = {
  max_completion_tokens: 'num_predict',
  max_new_tokens: 'num_predict',
  max_tokens: 'num_predict',
  repetition_penalty: 'repeat_penalty',
  sampling_seed: 'seed',
  response_format: 'format',
  json_schema: 'format',
  reasoning_effort: 'think',
  reasoning_content: 'thinking',
};
const ANY = new RegExp(`\\b(${Object.keys(NAMES).join('|')})\\b`, 'g');

/** Has what goes wrong in `work` name the fields that the client sent. */
export async function inOllamasNames<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RequestError) || error.status !== 400) throw error;
    const { code, message, param } = error;
    throw new RequestError(code, renamed(message), param && renamed(param));
  }
}

function renamed(text: string): string {
  return text.replace(ANY, (name) => NAMES[name] ?? name);
}
