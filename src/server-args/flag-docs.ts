import { VARIABLES, type Variable } from '../core/env';
import { supportNote } from './command';
import { TABLE, TOPICS, type TableFlag } from './table';

const HEADER = `# Flags of launch_server

Generated from the tables in \`src/server-args/flags\` by \`npm run docs:flags\`; edit those, not this page.

Names may be abbreviated as long as they stay unambiguous, values may follow a space or an equals sign, and
\`--config file.yaml\` reads flags from a file (the command line wins). \`-h, --help\` and \`--version\` print and exit.

The support of a flag says what happens when it is set to another value than its default:

- **yes**: it has the effect described here.
- **no effect**: it is accepted for compatibility; the server warns once at start.
- **refused**: the server does not start and says why.
- **not yet**: the server does not start; the feature is planned.
`;

const SUPPORT_NAMES = { yes: 'yes', warn: 'no effect', reject: 'refused', later: 'not yet' } as const;

function typeName({ kind, many, choices }: TableFlag): string {
  const one = choices
    ? choices.map((value) => `\`${value}\``).join(', ')
    : kind === 'json_list'
      ? 'json list'
      : kind;
  return many ? `${one} (${many === '+' ? 'one or more' : 'any number'})` : one;
}

function defaultText({ kind, default: value }: TableFlag): string {
  if (kind === 'flag') return 'off';
  return value === null ? '' : `\`${typeof value === 'string' && value ? value : JSON.stringify(value)}\``;
}

function row(flag: TableFlag): string[] {
  return [
    flag.names.map((name) => `\`${name}\``).join(', '),
    typeName(flag),
    defaultText(flag),
    SUPPORT_NAMES[flag.support.kind],
    [flag.help, supportNote(flag)].filter(Boolean).join(' '),
  ].map((cell) => cell.replaceAll('|', '\\|'));
}

/** A Markdown table with aligned columns, as the formatter of this repository wants it. */
function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(3, ...[header, ...rows].map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

const VARIABLES_HEADER = `## Environment variables

Read by every process of the server, checked at start: a value that is none ends the start with a message. Switches are
\`true\`, \`1\`, \`yes\` or \`y\`, and \`false\`, \`0\`, \`no\` or \`n\`, in any case.
`;

function variablesTable(): string {
  const variables: readonly (readonly [string, Variable<unknown>])[] = Object.entries(VARIABLES);
  const rows = variables.map(([name, { default: value, form, help }]) => [
    `\`${name}\``,
    typeof value === 'boolean' ? 'a switch' : form,
    typeof value === 'boolean' ? (value ? 'on' : 'off') : `\`${JSON.stringify(value)}\``,
    help,
  ]);
  return markdownTable(['Variable', 'Value', 'Default', 'Meaning'], rows);
}

/** The whole of docs/flags.md. */
export function renderFlagDocs(): string {
  const sections = TOPICS.map(({ title }) => {
    const rows = TABLE.filter(({ topic }) => topic === title).map(row);
    return `## ${title}\n\n${markdownTable(['Flag', 'Type', 'Default', 'Support', 'Meaning'], rows)}\n`;
  });
  return [HEADER, ...sections, VARIABLES_HEADER, `${variablesTable()}\n`].join('\n');
}
