import { renderFlagDocs } from './flag-docs';

process.stdout.write(renderFlagDocs());
