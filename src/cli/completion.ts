import type { Command } from './command.ts';
import { exit, Trouble } from './command.ts';

/** Completion of commands and options; arguments are completed as files. */
export function completionOf(commands: () => readonly Command[]): Command {
  return {
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
      io.out(
        shell === 'bash'
          ? bash(commands())
          : `#compdef kubectl-agentcard\nautoload -U bashcompinit && bashcompinit\n${bash(commands())}`,
      );
      return exit.ok;
    },
  };
}

/**
 * What kubectl wants of a plugin's completion: candidates for the last argument, line by line, and whether files
 * are candidates too (`:0`) or not (`:4`).
 */
export function candidates(commands: readonly Command[], args: readonly string[]): string {
  const current = args.at(-1) ?? '';
  const command = commands.find(({ name }) => name === args[0]);
  const answer = (words: readonly string[], files: boolean) =>
    [...words.filter((word) => word.startsWith(current)), files ? ':0' : ':4', ''].join('\n');
  if (args.length < 2)
    return answer(
      commands.map(({ name }) => name),
      false,
    );
  if (command === undefined || !current.startsWith('-')) return answer([], command !== undefined);
  return answer(flagsOf(command), false);
}

function flagsOf({ options }: Command): readonly string[] {
  return [...Object.keys(options), 'help'].map((option) => `--${option}`);
}

function bash(commands: readonly Command[]): string {
  const cases = commands.map((command) => `    *,${command.name}) words="${flagsOf(command).join(' ')}" ;;\n`);
  return `_kubectl_agentcard() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  case "$COMP_CWORD,\${COMP_WORDS[1]}" in
    1,*) words="${commands.map(({ name }) => name).join(' ')}" ;;
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _kubectl_agentcard kubectl-agentcard
`;
}
