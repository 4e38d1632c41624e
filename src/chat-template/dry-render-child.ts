import { Template } from '@huggingface/jinja';
import { errorMessage } from '../core/errors';
import type { DryRender, DryRenderTask } from './dry-render';

/** Main file of the process that renders a template of unknown manners once. It is killed when it has answered. */
process.once('message', (task: DryRenderTask) => {
  process.send?.(render(task));
});
// Whoever asked is gone: nobody would end this process.
process.once('disconnect', () => process.exit(1));

function render({ template, variables, maxChars }: DryRenderTask): DryRender {
  let parsed: Template;
  try {
    parsed = new Template(template);
  } catch (error) {
    return { outcome: 'unusable', message: `it is not valid: ${errorMessage(error)}` };
  }
  try {
    const { length } = parsed.render({ ...variables });
    if (length <= maxChars) return { outcome: 'rendered' };
    return { outcome: 'unusable', message: `it makes ${length} characters of one message` };
  } catch (error) {
    return { outcome: 'refused', message: errorMessage(error) };
  }
}
