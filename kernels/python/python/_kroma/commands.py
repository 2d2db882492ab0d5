"""Commands that Python asks the notebook's Linux shell to run: `!command`, `%%bash`, `%%script`, os.system.

They run in Python's directory and see what was changed in os.environ.
"""

import base64
import os
import shlex

from . import bridge
from .magics import Lines, UsageError, cell, line

# os.environ as Python started: the shell has its own values of these.
initial = {}
END = "KROMA_END_OF_INPUT"


class CommandFailed(Exception):
    """A %%bash cell that ended with another status than 0."""

    __module__ = "builtins"


def setup():
    """Called when the interpreter is up."""
    initial.clear()
    initial.update(os.environ)
    os.system = system


def surroundings():
    """Shell code that goes to Python's directory and sets the variables that were changed in os.environ."""
    folder = os.getcwd()
    code = f"cd {shlex.quote(folder)} || exit\n" if folder.startswith("/workspace/") else ""
    for name, value in os.environ.items():
        before = initial.get(name)
        if value == before or name in ("PWD", "OLDPWD") or not name.isidentifier() or not name.isascii():
            continue
        if name == "PATH" and before is not None:
            code += _search_path(before.split(":"), value.split(":"))
            continue
        code += f"export {name}={shlex.quote(value)}\n"
    gone = [name for name in initial if name not in os.environ and name.isidentifier()]
    return code + (f"unset {' '.join(gone)}\n" if gone else "")


def _search_path(own, changed):
    """Python's own search path means nothing in the shell: only what was put before and after it does."""
    for at in range(len(changed) - len(own) + 1):
        if changed[at : at + len(own)] == own:
            parts = [*map(shlex.quote, changed[:at]), "$PATH", *map(shlex.quote, changed[at + len(own) :])]
            return f"export PATH={':'.join(parts)}\n"
    return ""


def ask_shell(code, capture, told):
    """Runs shell code; gives the exit status and what was captured of stdout."""
    reply = bridge.ask({"type": "kernel_request", "language": "shell", "code": code, "capture": capture})
    if reply is None or reply.get("status") == "aborted":
        why = (reply or {}).get("reason") or "it was stopped, or there is no Linux shell here"
        raise RuntimeError(f"The shell did not run {told}: {why}")
    if reply.get("status") == "error" and "exitCode" not in reply:
        # Refused, or ended in the middle: why has been said on stderr.
        raise RuntimeError(f"The shell did not run {told} to its end")
    return reply.get("exitCode", 0 if reply.get("status") == "ok" else 1), reply.get("stdout") or ""


def run_command(shell, command, capture):
    """`!command`. A failed command is no error, as in IPython; `_exit_code` tells."""
    # In a shell of its own: `!cd x` changes nothing for later cells.
    status, text = ask_shell(f"(\n{surroundings()}{command}\n)", capture, f"`{command}`")
    shell.user_ns["_exit_code"] = status
    return text.removesuffix("\n").removesuffix("\r") if capture else None


def system(command):
    """os.system: the output is shown, the answer is a wait status."""
    status, _ = ask_shell(f"(\n{surroundings()}{os.fsdecode(command)}\n)", False, f"`{command}`")
    return status << 8


def run_apart(command, data=b""):
    """Runs shell code on the bytes of its standard input; gives exit status, stdout and stderr as bytes."""
    code = f"""(
kroma_run=$(mktemp -d)
trap 'rm -rf "$kroma_run"' EXIT
base64 -d > "$kroma_run/in" <<'{END}'
{base64.encodebytes(data).decode()}{END}
(
{surroundings()}{command}
) < "$kroma_run/in" > "$kroma_run/out" 2> "$kroma_run/err"
kroma_status=$?
base64 -w0 "$kroma_run/out"; echo; base64 -w0 "$kroma_run/err"; echo
exit $kroma_status
)"""
    status, text = ask_shell(code, True, f"`{command}`")
    out, _, err = text.replace("\r", "").partition("\n")
    return status, base64.b64decode(out), base64.b64decode(err)


# -- magics -------------------------------------------------------------------------------------------------------------


def run_script(shell, program, words, body):
    """%%bash and its kin: the program reads the cell as its input."""
    arguments, out, err, fail = [], None, None, True
    words = list(words)
    while words:
        word = words.pop(0)
        if word in ("--out", "--err", "--proc") and words:
            name = words.pop(0)
            out, err = (name if word == "--out" else out), (name if word == "--err" else err)
        elif word in ("--no-raise-error", "--raise-error"):
            fail = word == "--raise-error"
        elif word == "--bg":
            raise UsageError("--bg is not possible here; end a command with `&` to run it in the background.")
        else:
            arguments.append(word)
    if not body.endswith("\n"):
        body += "\n"
    if program in ("bash", "sh") and not arguments and err is None:
        # The notebook's own shell, so that variables and functions stay.
        status, text = ask_shell(body, out is not None, "the cell")
    elif out is None and err is None:
        words = shlex.join([program, *arguments])
        status, text = ask_shell(f"(\n{surroundings()}{words} <<'{END}'\n{body}{END}\n)", False, "the cell")
    else:
        status, data, trouble = run_apart(shlex.join([program, *arguments]), body.encode())
        text = data.decode("utf-8", "replace")
        if err is not None:
            shell.user_ns[err] = trouble.decode("utf-8", "replace")
        else:
            import sys

            sys.stderr.write(trouble.decode("utf-8", "replace"))
        if out is None:
            print(text, end="")
    if out is not None:
        shell.user_ns[out] = text
    shell.user_ns["_exit_code"] = status
    if status and fail:
        raise CommandFailed(f"{program} ended with exit status {status}")


@cell("bash", "shell", "!")
def bash(shell, text, body, **place):
    """Runs the cell in the Linux shell: %%bash [--out NAME] [--err NAME] [--no-raise-error] [-s ARGUMENTS …]"""
    run_script(shell, "bash", shlex.split(text), body)


def _script(program):
    def run(shell, text, body, **place):
        run_script(shell, program, shlex.split(text), body)

    run.__doc__ = f"Runs the cell with `{program}` in the Linux shell."
    return run


for _program in ("sh", "perl", "ruby"):
    cell(_program)(_script(_program))


@cell("script")
def script(shell, text, body, **place):
    """Runs the cell with a program of the Linux shell: %%script PROGRAM ARGUMENTS"""
    words = shlex.split(text)
    if not words:
        raise UsageError("%%script needs the name of a program, as in `%%script lua`.")
    run_script(shell, words[0], words[1:], body)


def _lines(shell, text):
    output = run_command(shell, text, True)
    return Lines(output.split("\n") if output else [])


@line("sx")
def sx(shell, text):
    """Runs a command and gives its lines."""
    return _lines(shell, text)


@cell("sx", "system")
def sx_cell(shell, text, body, **place):
    """Runs the cell in the Linux shell and gives its lines."""
    return _lines(shell, body)


@line("system")
def system_line(shell, text):
    """Runs a command and gives its lines."""
    return _lines(shell, text)
