import { ChatTemplate } from '../../../../src/chat-template';
import type { TemplateArgs } from '../../../../src/chat-template/chat-template';
import type { Folders } from '../../checkpoint/folders';
import { TINY_TOKENIZERS } from '../../detokenizer/tokenizers';
import { InlineTokenizer } from '../../tokenizer-manager/fixtures';

/** Shows the roles, the texts and one variable. */
const SHOWING = '{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}{{ mood }}>';

/** A chat template for a server with a tokenizer of bytes. */
export async function makeChat(folders: Folders, args: Partial<TemplateArgs> = {}, text = SHOWING) {
  const dir = folders.create({
    'tokenizer.json': TINY_TOKENIZERS[0]?.definition ?? {},
    'chat_template.jinja': text,
  });
  const flags = { chatTemplate: null, hfChatTemplateName: null, defaultChatTemplateKwargs: null, ...args };
  return ChatTemplate.load(dir, flags, new InlineTokenizer(), () => Promise.resolve({ outcome: 'rendered' }));
}
