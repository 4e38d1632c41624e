/** Imported first: libraries ask for the working directory while they are loaded, and would fail with a trace. */
try {
  process.cwd();
} catch {
  process.stderr.write('The working directory does not exist any more: start from one that does.\n');
  process.exit(1);
}
