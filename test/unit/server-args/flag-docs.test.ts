import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { renderFlagDocs } from '../../../src/server-args/flag-docs';
import { TABLE } from '../../../src/server-args/table';

test('docs/flags.md is up to date', () => {
  const page = readFileSync(join(__dirname, '../../../docs/flags.md'), 'utf8');
  if (page !== renderFlagDocs()) {
    throw new Error(
      'docs/flags.md differs from the flag tables: run `npm run docs:flags` and commit the page',
    );
  }
});

test('the page has one row for each flag', () => {
  const rows = renderFlagDocs()
    .split('\n')
    .filter((line) => line.startsWith('| `--'));
  expect(rows).toHaveLength(TABLE.length);
});
