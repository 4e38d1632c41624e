// The compiler writes the scripts of the pages; their markup, styles and icon lie beside them.
import { cpSync } from 'node:fs';
import { extname } from 'node:path';

const COPIED = ['', '.html', '.css', '.svg'];
cpSync('src/playground', 'dist/playground', {
  recursive: true,
  filter: (path) => COPIED.includes(extname(path)),
});
