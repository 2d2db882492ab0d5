# What the long-lived shell of the cells reads first. Commands come on descriptor 0, one line at a time, from the host;
# cells run with 60 (terminal), 61 (stdout) and 62 (stderr) as their 0, 1 and 2. On 63 the shell says what the host must
# know, after the output that came before (SPEC.md A9). kernels/shell/shell.ts writes the lines. All that runs between cells
# is called as a builtin: a cell may have given its name to a function (a fork bomb is mostly called ":").
PS1= PS2= PS4='+ '
unset PROMPT_COMMAND MAILCHECK HISTFILE
set +o history
set +H
shopt -u checkwinsize
HISTSIZE=1000

# Ends a cell: tells its status. The next cell finds it in $?, unless that would end a shell with "set -e".
__kroma_done() {
  __kroma_status=$1
  builtin printf 'done %d\n' "$1" >&63
}
__kroma_status=0
__kroma_last() { builtin return "$__kroma_status"; }

# Begins a cell: its text goes to the history.
__kroma_begin() {
  builtin local text
  IFS= builtin read -rd '' text <"$1" || builtin true
  builtin history -s -- "${text%$'\n'}"
}

# A shell that ends because of "set -e" hands what it holds to the next one; "exit" hands over nothing.
__kroma_exit() {
  [[ $- == *e* && $1 != 0 && $2 != exit* ]] || builtin return
  {
    builtin declare -p | command grep -vE '^declare -[a-zA-Z-]*r|^declare -[a-zA-Z-]+ (BASH[A-Z_]*|DIRSTACK|FUNCNAME|GROUPS|PIPESTATUS|SHLVL|PPID|EPOCH[A-Z]*|RANDOM|SRANDOM|SECONDS|LINENO|HISTCMD|COMP_WORDBREAKS|_|PWD|OLDPWD)(=|$)'
    builtin declare -fp
    builtin alias -p
    builtin shopt -p
    builtin set +o | command grep -v -e history -e monitor
    builtin printf 'cd -- %q\n' "$PWD"
  } >/run/kroma/kept 2>/dev/null
}
trap '__kroma_exit "$?" "$BASH_COMMAND"' EXIT

# Completes a word: kind (command, file, variable), then the word.
__kroma_complete() {
  builtin local name
  builtin local -a found
  case $1 in
    command) builtin mapfile -t found < <(builtin compgen -c -- "$2") ;;
    variable) builtin mapfile -t found < <(builtin compgen -v -- "$2") ;;
    *) builtin mapfile -t found < <(builtin compgen -f -- "$2") ;;
  esac
  {
    builtin printf 'complete\n'
    for name in "${found[@]::500}"; do
      [[ $1 == file && -d $name ]] && name+=/
      builtin printf '%s\n' "$name"
    done
    builtin printf '//end\n'
  } >&63
}

__kroma_kept=
if [[ -e /run/kroma/kept ]]; then
  . /run/kroma/kept 2>/dev/null
  rm -f /run/kroma/kept
  __kroma_kept=kept
fi
printf 'ready %d %s\n' "$$" "$__kroma_kept" >&63
unset __kroma_kept
