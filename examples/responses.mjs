// The Responses API with OpenAI's own client: npx launch_server, then node examples/responses.mjs [question]
import OpenAI from 'openai';

const client = new OpenAI({ baseURL: 'http://127.0.0.1:30000/v1', apiKey: 'none' });
const input = process.argv[2] ?? 'What is the capital of France?';
const first = await client.responses.create({ model: 'default', input, temperature: 0 });
console.log(first.output_text);
