"""The one way out: `host` is the worker's JavaScript object, set after the interpreter has started.

Nothing here may touch `host` when imported, because a snapshot can't hold JavaScript objects.
"""

import json

host = None


def post(message, buffers=()):
    """Sends a protocol message; text written so far goes first. `parent` is filled in by the worker if missing."""
    text = json.dumps(message, ensure_ascii=False, default=_plain)
    if buffers:
        from pyodide.ffi import to_js

        host.postBuffers(text, to_js([to_js(memoryview(buffer).cast("B")) for buffer in buffers]))
    else:
        host.post(text)


def ask(message):
    """Sends a request and blocks until its reply: a dict, or None at end of file."""
    text = json.dumps(message, ensure_ascii=False)
    if host.canBlock:
        answer = host.ask(text)
    else:
        from pyodide.ffi import can_run_sync, run_sync

        if not can_run_sync():
            raise OSError(
                "this page has no shared memory (it is not cross-origin isolated), so Python can't wait for an answer here"
            )
        answer = run_sync(host.askLater(text))
    return json.loads(answer) if answer else None


def call(service, method, value, buffers=()):
    """Asks what a plugin does (core/kernel/services.ts). `(told, parts)`: a dict with `value` or `error`, and memoryviews.

    Where this page can't block, what is given back is to be awaited instead.
    """
    from pyodide.ffi import to_js

    text = json.dumps({"service": service, "method": method, "value": value}, ensure_ascii=False, default=_plain)
    data = to_js([to_js(memoryview(buffer).cast("B")) for buffer in buffers])
    if host.canBlock:
        return _parts(host.callService(text, data))
    from pyodide.ffi import can_run_sync, run_sync

    later = host.callServiceLater(text, data)
    if can_run_sync():
        return _parts(run_sync(later))

    async def wait():
        return _parts(await later)

    return wait()


def _parts(answer):
    """The head's JSON, and the buffers behind it at multiples of eight bytes (service-answer.ts)."""
    view = answer.to_memoryview().cast("B")
    at = 4 + int.from_bytes(view[:4], "little")
    head = json.loads(bytes(view[4:at]))
    parts = []
    for size in head["sizes"]:
        at = -(-at // 8) * 8
        parts.append(view[at : at + size])
        at += size
    return head, parts


def _plain(value):
    """What json can't write but is plain enough: numbers of NumPy, tuples' kin, paths."""
    for name in ("tolist", "item", "isoformat", "__fspath__"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        import base64

        return base64.b64encode(value).decode()
    return repr(value)
