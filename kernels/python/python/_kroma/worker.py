"""What the worker calls. Everything that crosses is a string or a number."""

import asyncio
import json

from . import shell
from .shell import enter, interrupt, run, setup

__all__ = ["comm", "complete", "enter", "inspect", "interrupt", "run", "selfCheck", "setup"]


async def selfCheck(callback):
    await asyncio.sleep(0)
    return callback(len([value for value in sorted((2, 1), key=lambda value: -value)]))


def complete(code, cursor):
    from .completion import complete

    return json.dumps(complete(shell.shell.user_ns, code, cursor))


def inspect(code, cursor):
    from .completion import inspect

    return json.dumps(inspect(shell.shell.user_ns, code, cursor))


def comm(message, buffers):
    import comm

    comm.receive(json.loads(message), [buffer.to_bytes() for buffer in buffers])
