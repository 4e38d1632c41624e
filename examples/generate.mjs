// Offline text: several prompts at once, then one as it grows.
//   node examples/generate.mjs [flags of launch_server]
import { Engine } from 'sglang-node';

const engine = await Engine.create(process.argv.slice(2));
const sampling_params = { temperature: 0, max_new_tokens: 24 };

const prompts = ['The capital of France is', 'The capital of Spain is', 'Once upon a time'];
const replies = await engine.generate({ text: prompts, sampling_params });
prompts.forEach((prompt, i) => console.log(`${prompt} →${replies[i]?.text}`));

let shown = 0;
for await (const { text = '' } of engine.generate({
  text: 'Once upon a time',
  sampling_params,
  stream: true,
})) {
  process.stdout.write(text.slice(shown));
  shown = text.length;
}
console.log();
await engine.shutdown();
