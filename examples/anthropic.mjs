// Anthropic's own client: npx launch_server, then node examples/anthropic.mjs [question]
import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic({ baseURL: 'http://127.0.0.1:30000', apiKey: 'none' });
const question = process.argv[2] ?? 'What is the capital of France?';
const stream = client.messages.stream({
  model: 'default',
  max_tokens: 100,
  messages: [{ role: 'user', content: question }],
  temperature: 0,
});
stream.on('text', (text) => process.stdout.write(text));
await stream.finalMessage();
