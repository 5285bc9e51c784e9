import type { Command } from './command.ts';
import { exit, Trouble } from './command.ts';

/** Completion of commands and options; arguments are completed as files. */
export function completionOf(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    summary: 'Print a completion script for bash or zsh',
    operands: ['<bash|zsh>'],
    options: {},
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

function bash(commands: readonly Command[]): string {
  const cases = commands.map(({ name, options }) => {
    const flags = [...Object.keys(options), 'help'].map((option) => `--${option}`);
    return `    *,${name}) words="${flags.join(' ')}" ;;\n`;
  });
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
