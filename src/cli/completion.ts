import { atCluster } from './cluster/connection.ts';
import { type Command, exit, type Invocation, type Io, invocationOf, type Option, Trouble } from './command.ts';

/** Asks the plugin itself for each word, as kubectl does, so that names of cards are completed here too. */
const bash = `_kubectl_agentcard() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  local answer="$(kubectl-agentcard __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)"
  COMPREPLY=($(compgen -W "\${answer%:*}" -- "$current"))
}
complete -o default -F _kubectl_agentcard kubectl-agentcard
`;

export const completion: Command = {
  name: 'completion',
  summary: 'Print a completion script for bash or zsh',
  operands: ['<bash|zsh>'],
  options: {},
  notes: ['Exit status: 0 printed, 2 wrong usage.'],
  examples: [
    'completion bash > /etc/bash_completion.d/kubectl-agentcard',
    'completion zsh > ~/.zfunc/_kubectl-agentcard',
  ],
  run: async ({ operands: [shell] }, io) => {
    if (shell !== 'bash' && shell !== 'zsh') throw new Trouble('completion is there for bash and zsh');
    io.out(shell === 'bash' ? bash : `#compdef kubectl-agentcard\nautoload -U bashcompinit && bashcompinit\n${bash}`);
    return exit.ok;
  },
};

/** Where candidates come from: a list of words, what a cluster has, or the files of this machine. */
type Source = readonly string[] | 'cards' | 'namespaces' | 'files';

/**
 * What kubectl wants of a plugin's completion: candidates for the last argument, line by line, and whether files
 * are candidates too (`:0`) or not (`:4`). Nothing is said where nobody can be asked.
 */
export async function complete(commands: readonly Command[], args: readonly string[], io: Io): Promise<number> {
  const [current = '', before] = [args.at(-1), args.slice(1, -1)];
  const command = commands.find(({ name }) => name === args[0]);
  const source = args.length < 2 ? commands.map(({ name }) => name) : sourceOf(command, before, current);
  let words = typeof source === 'string' ? [] : source;
  if (command !== undefined && (source === 'cards' || source === 'namespaces')) {
    const { namesAt } = await import('./cluster/names.ts');
    const look = atCluster(async (place) => {
      words = await namesAt(place, source);
      return exit.ok;
    });
    await Promise.try(() => look(soFar(command, before), io)).catch(() => exit.trouble);
  }
  io.out([...words.filter((word) => word.startsWith(current)), source === 'files' ? ':0' : ':4', ''].join('\n'));
  return exit.ok;
}

function sourceOf(command: Command | undefined, before: readonly string[], current: string): Source {
  if (command === undefined) return [];
  const open = optionOf(command, before.at(-1));
  if (open?.value !== undefined) return open.words ?? open.from ?? (open.value === '<file>' ? 'files' : []);
  if (current.startsWith('-')) return [...Object.keys(command.options), 'help'].map((name) => `--${name}`);
  const isValue = (index: number) => optionOf(command, before[index - 1])?.value !== undefined;
  const operands = before.filter((word, index) => !word.startsWith('-') && !isValue(index));
  const operand = command.operands[operands.length];
  if (operand === undefined) return [];
  if (operand.includes('<name>')) return 'cards';
  return operand.includes('.json') ? 'files' : operand.slice(1, -1).split('|');
}

/** The option that a word of the command line names. */
function optionOf({ options }: Command, word = ''): Option | undefined {
  return Object.entries(options).find(([name, { short }]) => word === `--${name}` || word === `-${short}`)?.[1];
}

/** The options that are whole: the last one may wait for its value. Whoever waits for a word does not wait long. */
function soFar(command: Command, words: readonly string[]): Invocation {
  const isOpen = optionOf(command, words.at(-1))?.value !== undefined;
  const { option, ...rest } = invocationOf(command, isOpen ? words.slice(0, -1) : words);
  return { ...rest, option: (name) => option(name) ?? (name === 'request-timeout' ? '2s' : undefined) };
}
