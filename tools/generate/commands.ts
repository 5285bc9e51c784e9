import { run } from '../../src/cli/run.ts';

/** What `kubectl agentcard --help` prints. */
export async function commandOverview(): Promise<string> {
  let text = '';
  await run(['--help'], {
    out: (more) => {
      text += more;
    },
    err: () => {},
    stdin: async function* () {},
    now: () => new Date(0),
  });
  return `\`\`\`\n${text.trimEnd()}\n\`\`\`\n`;
}
