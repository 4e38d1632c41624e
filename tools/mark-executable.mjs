// The compiler writes plain files; npm links these as commands.
import { chmodSync } from 'node:fs';

for (const command of ['launch-server', 'install-cuda']) chmodSync(`dist/${command}.js`, 0o755);
