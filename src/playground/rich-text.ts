import { element } from './dom.ts';
import { blocksOf, spansOf, type Block, type Span } from './markdown.ts';

/** A text as elements. Only ever text is put into them: nothing that a model writes is read as HTML. */
export function richText(text: string): Node[] {
  return blocksOf(text).map(blockElement);
}

function blockElement(block: Block): Node {
  switch (block.type) {
    case 'code':
      return element('pre', { attributes: { tabindex: '0' } }, element('code', { text: block.text }));
    case 'list':
      return element(
        block.ordered ? 'ol' : 'ul',
        {},
        ...block.items.map((item) => element('li', {}, ...spanNodes(item))),
      );
    case 'heading':
      return element('p', {}, element('strong', {}, ...spanNodes(block.text)));
    case 'paragraph':
      return element('p', {}, ...spanNodes(block.text));
  }
}

const TAGS = { bold: 'strong', code: 'code' } as const;

function spanNodes(text: string): Node[] {
  return spansOf(text).map(({ type, text: inner }: Span) =>
    type === 'text' ? document.createTextNode(inner) : element(TAGS[type], { text: inner }),
  );
}
