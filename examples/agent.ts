// An agent: the model calls functions of this program until it can answer.
// npx launch_server --model-path demo-tools --tool-call-parser auto, then npm run demo:agent, or with a question of your own
// node examples/agent.ts "Is it raining in the capital of Kenya?" (before Node.js 22.18: npm run demo:agent -- "…")
import OpenAI from 'openai';

type Given = Record<string, string>;
const CAPITALS: Given = { France: 'Paris', Japan: 'Tokyo', Kenya: 'Nairobi' };
const FUNCTIONS: Record<string, (given: Given) => object> = {
  get_capital: ({ country = '' }) => ({ capital: CAPITALS[country] ?? 'unknown' }),
  get_weather: ({ city = '' }) => ({
    sky: city.length > 4 ? 'sunny' : 'rainy',
    temperature: 12 + city.length,
  }),
};
const tools = [
  describe('get_capital', 'Get the capital of a country.', 'country'),
  describe('get_weather', 'Get the weather of a city.', 'city'),
];

function describe(name: string, description: string, parameter: string): OpenAI.Chat.ChatCompletionTool {
  const parameters = {
    type: 'object',
    properties: { [parameter]: { type: 'string' } },
    required: [parameter],
  };
  return { type: 'function', function: { name, description, parameters } };
}

async function answer(client: OpenAI, question: string): Promise<string> {
  const messages: OpenAI.Chat.ChatCompletionMessageParam[] = [{ role: 'user', content: question }];
  for (let turn = 0; turn < 8; turn++) {
    const reply = await client.chat.completions.create({ model: 'default', messages, tools, temperature: 0 });
    const message = reply.choices[0]!.message;
    if (!message.tool_calls?.length) return message.content ?? '';
    messages.push(message);
    for (const call of message.tool_calls) {
      if (call.type !== 'function') continue;
      const { name, arguments: given } = call.function;
      const content = JSON.stringify(FUNCTIONS[name]!(JSON.parse(given) as Given));
      console.log(`  ${name}(${given}) → ${content}`);
      messages.push({ role: 'tool', tool_call_id: call.id, content });
    }
  }
  return 'Eight calls and no answer.';
}

async function main(...questions: string[]): Promise<void> {
  const baseURL = process.env['OPENAI_BASE_URL'] ?? 'http://127.0.0.1:30000/v1';
  const client = new OpenAI({ baseURL, apiKey: 'none' });
  for (const question of questions) {
    console.log(question);
    console.log(await answer(client, question));
  }
}

const asked = process.argv.slice(2);
void main(
  ...(asked.length > 0 ? asked : ['What is the weather in Oslo?', 'Is it sunny in the capital of France?']),
);
