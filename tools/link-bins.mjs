// npx looks for commands in node_modules/.bin, but npm does not link a package's own commands there.
// Plain JavaScript: the machine's own Node runs this during `npm ci`.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';

const { bin } = JSON.parse(readFileSync('package.json', 'utf8'));
mkdirSync('node_modules/.bin', { recursive: true });
for (const [name, file] of Object.entries(bin)) {
  const link = `node_modules/.bin/${name}`;
  rmSync(link, { force: true });
  if (existsSync(file)) symlinkSync(`../../${file}`, link);
}
