// OpenAI's own client: npx launch_server, then node examples/openai.mjs [question]
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: 'http://127.0.0.1:30000/v1', apiKey: 'none' });
const question = process.argv[2] ?? 'What is the capital of France?';
const stream = await client.chat.completions.create({
  model: 'default',
  messages: [{ role: 'user', content: question }],
  temperature: 0,
  stream: true,
});
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
