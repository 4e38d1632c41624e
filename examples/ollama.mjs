// Ollama's own client: npx launch_server, then node examples/ollama.mjs [question]
import { Ollama } from 'ollama';

const client = new Ollama({ host: 'http://127.0.0.1:30000' });
const question = process.argv[2] ?? 'What is the capital of France?';
const stream = await client.chat({
  model: 'default',
  messages: [{ role: 'user', content: question }],
  options: { temperature: 0 },
  stream: true,
});
for await (const { message } of stream) process.stdout.write(message.content);
