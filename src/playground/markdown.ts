/** The little of Markdown that answers are shown with. Everything else stays the text it is. */
export type Block =
  | { readonly type: 'code'; readonly text: string }
  | { readonly type: 'list'; readonly ordered: boolean; readonly items: readonly string[] }
  | { readonly type: 'heading' | 'paragraph'; readonly text: string };

export interface Span {
  readonly type: 'text' | 'bold' | 'code';
  readonly text: string;
}

const FENCE = /^ {0,3}```/;
const ITEM = /^ {0,3}(?:[-*+]|(\d{1,9})[.)]) +(.*)$/;
const HEADING = /^#{1,6} +(.*)$/;

/** Blocks of a text. A fence that nothing ends goes to the end: the answer is still being written. */
export function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length;) {
    const line = lines[i] ?? '';
    const from = i;
    const [, heading] = HEADING.exec(line) ?? [];
    if (FENCE.test(line)) {
      do i++;
      while (i < lines.length && !FENCE.test(lines[i] ?? ''));
      blocks.push({ type: 'code', text: lines.slice(from + 1, i).join('\n') });
      i++;
    } else if (ITEM.test(line)) {
      const ordered = ITEM.exec(line)?.[1] !== undefined;
      const items: string[] = [];
      for (; i < lines.length; i++) {
        const item = ITEM.exec(lines[i] ?? '');
        if (item === null || (item[1] !== undefined) !== ordered) break;
        items.push(item[2] ?? '');
      }
      blocks.push({ type: 'list', ordered, items });
    } else if (heading !== undefined) {
      blocks.push({ type: 'heading', text: heading });
      i++;
    } else if (line.trim() === '') {
      i++;
    } else {
      while (i < lines.length && isProse(lines[i] ?? '')) i++;
      blocks.push({ type: 'paragraph', text: lines.slice(from, i).join('\n') });
    }
  }
  return blocks;
}

function isProse(line: string): boolean {
  return line.trim() !== '' && !FENCE.test(line) && !ITEM.test(line) && !HEADING.test(line);
}

/** Bold and code inside a line. */
export function spansOf(text: string): Span[] {
  return text
    .split(/(`[^`\n]+`|\*\*[^*\n]+\*\*)/)
    .filter((part) => part !== '')
    .map((part): Span => {
      if (part.length > 2 && part.startsWith('`') && part.endsWith('`')) {
        return { type: 'code', text: part.slice(1, -1) };
      }
      if (part.length > 4 && part.startsWith('**') && part.endsWith('**')) {
        return { type: 'bold', text: part.slice(2, -2) };
      }
      return { type: 'text', text: part };
    });
}
