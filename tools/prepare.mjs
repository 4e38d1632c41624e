// Builds after an install, where the compiler was installed; a package from the registry or a tarball is built already.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

if (existsSync('node_modules/typescript')) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: true });
  process.exit(status ?? 1);
}
if (!existsSync('dist')) console.log('dist/ is not built: that needs the development dependencies (npm ci).');
