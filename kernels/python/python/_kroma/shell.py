"""Runs cells in `__main__`: history, the last expression, top-level await, errors. The heart of the kernel."""

import ast
import asyncio
import builtins
import inspect
import json
import linecache
import random
import sys
import warnings

from . import bridge, commands, display, formatters, hints, magic_names, magic_runs, magics, packages, processes, pyplot, streams, tracebacks, web
from .transform import split_cell_magic, transform

FUTURE_FLAGS = 0
for _name in __import__("__future__").all_feature_names:
    FUTURE_FLAGS |= getattr(__import__("__future__"), _name).compiler_flag


class Interrupted(Exception):
    """A KeyboardInterrupt on its way through the event loop, which a real one would break."""


class Events:
    """get_ipython().events: callbacks that libraries register; only those around a cell are called."""

    def __init__(self):
        self.callbacks = {}

    def register(self, event, function):
        functions = self.callbacks.setdefault(event, [])
        if function not in functions:
            functions.append(function)

    def unregister(self, event, function):
        self.callbacks.get(event, []).remove(function)

    def trigger(self, event, *arguments):
        for function in list(self.callbacks.get(event, ())):
            try:
                function(*arguments)
            except TypeError:
                function()
            except Exception as error:
                print(f"The {event} callback failed: {type(error).__name__}: {error}", file=sys.stderr)


class InteractiveShell:
    """What get_ipython() gives: the part of IPython's shell that libraries and people use."""

    def __init__(self):
        self.user_ns = {}
        self.user_module = None
        self.execution_count = 0
        self.config = {}
        self.events = Events()
        self.display_formatter = formatters.display_formatter
        self.history = [""]
        self.outputs = {}
        self.flags = 0
        self.task = None
        self.waiting = set()
        self.interrupted = False
        self.shown = None
        self.hidden = set()

    # -- what libraries call ------------------------------------------------------------------------------------

    def system(self, command, depth=2):
        """`!command`: runs it in the Linux shell, which shows what it prints."""
        return commands.run_command(self, magics.interpolate(command, *_scopes(self, depth)), False)

    system_raw = system_piped = system

    def getoutput(self, command, split=True, depth=2):
        """`lines = !command`"""
        text = commands.run_command(self, magics.interpolate(command, *_scopes(self, depth)), True)
        return magics.Lines(text.split("\n") if text else []) if split else text

    def run_line_magic(self, name, line, _stack_depth=1):
        """Runs a line magic now; one that must wait is waited for."""
        result = magics.call_line(self, name, magics.interpolate(line, *_scopes(self, 2), magic=True))
        if inspect.isawaitable(result):
            from pyodide.ffi import run_sync

            result = run_sync(result)
        return result

    magic = run_line_magic

    async def run_line_magic_later(self, name, line):
        """The same where `await` is allowed."""
        result = magics.call_line(self, name, magics.interpolate(line, self.user_ns, self.user_ns, magic=True))
        return await result if inspect.isawaitable(result) else result

    def run_cell_magic(self, name, line, cell):
        result = magics.call_cell(self, name, line, cell)
        if inspect.isawaitable(result):
            from pyodide.ffi import run_sync

            result = run_sync(result)
        return result

    def inquire(self, name, level):
        """`name?`"""
        magics.inquire(self, name, level)

    def run_cell(self, code, **options):
        """Runs more code in the same namespace, at once."""
        runner, last = self.compile(transform(code), "<run_cell>")
        for part in (runner, last):
            if part is not None:
                eval(part, self.user_ns)

    ex = run_cell

    def ev(self, expression):
        return eval(expression, self.user_ns)

    def push(self, variables):
        self.user_ns.update(variables)

    def register_magic_function(self, function, magic_kind="line", magic_name=None):
        magics.register(magic_kind, magic_name or function.__name__, function)

    def register_magics(self, *classes):
        magics.register_classes(self, classes)

    def showtraceback(self, *arguments, **options):
        bridge.post({"type": "error", **tracebacks.describe(sys.exc_info()[1], "")})

    def set_next_input(self, text, replace=False):
        pass

    def enable_matplotlib(self, gui=None):
        return "inline", "inline"

    def get_parent(self):
        return {}

    # -- running ------------------------------------------------------------------------------------------------

    def compile(self, source, filename, widths=None):
        """The code of all but a shown last expression, and of that expression. Futures stay on for later cells.

        `widths` has the length of each line that reads otherwise in the cell, for the marks in tracebacks.
        """
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | self.flags
        tree = compile(source, filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        if widths:
            for node in ast.walk(tree):
                if getattr(node, "lineno", None) in widths:
                    node.end_lineno = node.lineno
                    node.col_offset, node.end_col_offset = widths[node.lineno]
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not is_quiet(source):
            last = ast.Expression(tree.body.pop().value)
        body = None
        if tree.body:
            body = compile(tree, filename, "exec", flags, dont_inherit=True)
            self.flags |= body.co_flags & FUTURE_FLAGS
        if last is not None:
            last = compile(last, filename, "eval", flags | self.flags, dont_inherit=True)
        return body, last

    async def execute(self, source, filename, widths=None):
        """Runs Python source and gives the value of the last expression."""
        body, last = self.compile(source, filename, widths)
        value = None
        for part in (body, last):
            if part is None:
                continue
            if part.co_flags & inspect.CO_COROUTINE:
                value = await self.wait_for(eval(part, self.user_ns))
            else:
                value = eval(part, self.user_ns)
        return value if last is not None else None

    async def wait_for(self, coroutine):
        """Awaits in a task that an interrupt can cancel."""
        if self.interrupted:
            coroutine.close()
            raise KeyboardInterrupt
        outer = self.task
        self.task = asyncio.ensure_future(_guarded(coroutine))
        try:
            return await self.task
        except Interrupted as error:
            raise error.__cause__ from None
        except asyncio.CancelledError as error:
            if not self.interrupted:
                raise
            raise KeyboardInterrupt().with_traceback(error.__traceback__) from None
        finally:
            self.task = outer

    def is_magic(self, name):
        """Does the bare name mean a line magic?"""
        return name in magics.line_magics and name not in self.user_ns and not hasattr(builtins, name)

    async def run_source(self, source, filename, offset=0):
        """A cell: its cell magics, then its Python with line magics; `offset` lines of the cell stand above it."""
        nested = split_cell_magic(source)
        if nested is not None:
            name, line, body, number = nested
            if line in ("?", "??") and not body.strip():
                return magics.inquire(self, f"%%{name}", len(line))
            result = magics.call_cell(self, name, line, body, filename=filename, offset=offset + number)
            return await result if inspect.isawaitable(result) else result
        changed = set()
        original = "\n" * offset + source
        code = transform(original, changed, self.is_magic)
        widths = {}
        lines = original.split("\n")
        for number in changed:
            line = lines[number - 1].encode()
            widths[number] = len(line) - len(line.lstrip()), len(line.rstrip())
        await packages.load_imports(code)
        return await self.execute(code, filename, widths)

    async def run(self, code, name=None, silent=False, stored=True):
        """One execute_request; gives the reply as JSON. Outputs have been posted when it returns."""
        self.interrupted = False
        stored = stored and not silent
        if stored:
            self.execution_count += 1
        count = self.execution_count
        filename = f"Cell[{count}]" if stored else f"Cell[{name or 'silent'}]"
        tracebacks.remember(filename, name or filename, code)
        reply = {"status": "ok", "count": count if stored else None}
        if stored:
            self.history.append(code)
            self._remember_inputs()
        streams.buffer.flushed = 0.0
        self.events.trigger("pre_run_cell")
        try:
            value = await self.run_source(code, filename)
            if not silent:
                self.show(value, count, stored)
            pyplot.flush_figures()
        except SystemExit as error:
            if error.code not in (None, 0):
                reply["status"] = "error"
                text = str(error.code)
                bridge.post({"type": "error", "ename": "SystemExit", "evalue": text, "traceback": [f"SystemExit: {text}"]})
        except BaseException as error:
            reply["status"] = "error"
            try:
                hints.explain(error)
                sys.last_exc = error
                sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
                bridge.post({"type": "error", **tracebacks.describe(error, filename)})
            except BaseException as other:
                bridge.post(
                    {"type": "error", "ename": type(error).__name__, "evalue": "", "traceback": [f"{type(error).__name__} (telling it failed: {other!r})"]}
                )
        finally:
            display.captured = None
        self.events.trigger("post_run_cell")
        streams.flush()
        return json.dumps(reply)

    def show(self, value, count, stored=True):
        """The last expression's value: shown, and kept as `_`, `_n`, `Out[n]`."""
        if value is None:
            return
        own = None if isinstance(value, type) else display.method_of(value, "_ipython_display_")
        shown = False
        if own is not None:
            try:
                own()
                shown = True
            except NotImplementedError:
                pass
        if not shown:
            data, metadata = display.mimebundle(value)
            bridge.post({"type": "execute_result", "data": data, "metadata": metadata, "count": count})
        if not stored:
            return
        names = self.user_ns
        if self.shown is None or all(names.get(key) is self.shown.get(key) for key in ("_", "__", "___")):
            # The user has not taken the names for something else.
            values = {"_": value, "__": names.get("_", ""), "___": names.get("__", "")}
            names.update(values)
            self.shown = values
        names[f"_{count}"] = value
        self.outputs[count] = value

    def _remember_inputs(self):
        names = self.user_ns
        names["_iii"], names["_ii"], names["_i"] = names.get("_ii", ""), names.get("_i", ""), self.history[-2]
        names[f"_i{self.execution_count}"] = self.history[-1]

    def interrupt(self):
        """Stage one of an interrupt: cancels what is awaited. True if something was."""
        self.interrupted = True
        cancelled = False
        for waiting in list(self.waiting):
            waiting.cancel()
            cancelled = True
        if self.task is not None and not self.task.done():
            self.task.cancel()
            cancelled = True
        return cancelled

    def reset(self):
        """Forgets all names of the user."""
        for name in list(self.user_ns):
            if name not in self.hidden:
                del self.user_ns[name]
        self.history[1:] = [""] * self.execution_count
        self.outputs.clear()
        self.shown = None
        self.user_ns.update({"_": "", "__": "", "___": ""})


async def _guarded(coroutine):
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit) as error:
        # Either one would escape from the task into the event loop and stop it.
        raise Interrupted from error


def is_quiet(source):
    """Does the source end in `;` (comments and blank lines aside)?"""
    if ";" not in source:
        return False
    import io
    import tokenize

    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.DEDENT, tokenize.INDENT)
    last = None
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type not in skip:
                last = token
    except (tokenize.TokenError, SyntaxError):
        return False
    return last is not None and last.string == ";"


def _scopes(shell, depth):
    """Names for `{name}` in a command: the caller's locals, then the notebook's."""
    frame = sys._getframe(depth)
    return (frame.f_globals, frame.f_locals) if frame.f_globals is shell.user_ns else (shell.user_ns, shell.user_ns)


shell = InteractiveShell()


def _patch_run_sync():
    """Lets an interrupt reach what run_sync waits for."""
    import pyodide.ffi
    import pyodide.webloop

    stock = pyodide.ffi.run_sync

    def run_sync(awaitable):
        if not pyodide.ffi.can_run_sync():
            return stock(awaitable)
        if shell.interrupted:
            raise KeyboardInterrupt
        future = asyncio.ensure_future(_as_coroutine(awaitable))
        shell.waiting.add(future)
        streams.flush()
        try:
            return stock(future)
        except (asyncio.CancelledError, Exception):
            if shell.interrupted:
                raise KeyboardInterrupt from None
            raise
        finally:
            shell.waiting.discard(future)

    run_sync.__doc__ = stock.__doc__
    pyodide.ffi.run_sync = pyodide.webloop.run_sync = run_sync


async def _as_coroutine(awaitable):
    return await awaitable


def setup(host):
    """Called once in the started (or restored) interpreter. Returns the addresses of the stream buffer."""
    import os

    bridge.host = host
    random.seed()
    addresses = streams.setup()
    main = sys.modules["__main__"]
    names = main.__dict__
    shell.user_module = main
    shell.user_ns = names
    names.setdefault("__builtins__", builtins)
    names.update(
        {
            "__doc__": "The notebook's namespace.",
            "In": shell.history,
            "Out": shell.outputs,
            "_ih": shell.history,
            "_oh": shell.outputs,
            "_": "",
            "__": "",
            "___": "",
            "_i": "",
            "_ii": "",
            "_iii": "",
            "get_ipython": get_ipython,
            "display": display.display,
            "exit": sys.exit,
            "quit": sys.exit,
        }
    )
    shell.hidden = set(names)
    builtins.get_ipython = get_ipython
    builtins.display = display.display
    os.environ["MPLBACKEND"] = "module://_kroma.pyplot"
    os.environ.setdefault("TERM", "xterm-256color")
    loop = asyncio.get_event_loop()
    # A task that is not the cell's may end with these; without handlers they would end the loop.
    loop._keyboard_interrupt_handler = lambda: None
    loop._system_exit_handler = lambda code: None
    _patch_run_sync()
    warnings.showwarning = _show_warning
    commands.setup()
    processes.setup()
    web.setup()
    return addresses


def enter(directory):
    """Makes `directory` the place where cells run."""
    import os

    os.makedirs(directory, exist_ok=True)
    os.chdir(directory)
    os.environ["PWD"] = directory
    sys.path[:] = [path for path in sys.path if path not in ("", directory)]
    sys.path.insert(0, directory)


def _show_warning(message, category, filename, lineno, file=None, line=None):
    if line is None and filename in tracebacks.labels:
        line = linecache.getline(filename, lineno)
    text = warnings.formatwarning(message, category, tracebacks.labels.get(filename, filename), lineno, line)
    (file or sys.stderr).write(text)


def get_ipython():
    """The running shell."""
    return shell


def run(code, name, silent, stored):
    return shell.run(code, name, silent, stored)


def interrupt():
    return shell.interrupt()
