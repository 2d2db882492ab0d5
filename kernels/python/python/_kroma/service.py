"""What plugins answer (bridge.call), made into Python's values and exceptions; to be awaited where the page can't block."""

ERRORS = {
    "invalid": ValueError,
    "missing": FileNotFoundError,
    "denied": PermissionError,
    "unavailable": ConnectionError,
    "exhausted": MemoryError,
    "corrupt": ValueError,
    "aborted": RuntimeError,
}


class Awaitable:
    """Is there already; awaiting it gives it."""

    def __await__(self):
        return self
        yield


def finish(answer, make):
    """The answer made into what the caller wants; a coroutine where it has to be waited for."""
    if not isinstance(answer, tuple):

        async def later():
            return _made(await answer, make)

        return later()
    return _made(answer, make)


def _made(answer, make):
    told, data = answer
    error = told.get("error")
    if error is not None:
        raise ERRORS.get(error["code"], RuntimeError)(error["message"])
    return make(told.get("value"), data)
