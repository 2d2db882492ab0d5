"""Jupyter's comms, with the interface of the `comm` package: what widgets talk through."""

import sys
import uuid

from _kroma import bridge


class BaseComm:
    """One open conversation with the page."""

    def __init__(self, target_name="comm", data=None, metadata=None, buffers=None, comm_id=None, primary=True, target_module=None, topic=None, _open_data=None, _close_data=None, **options):
        self.target_name = target_name
        self.comm_id = comm_id or uuid.uuid4().hex
        self.primary = primary
        self._closed = False
        self._on_message = None
        self._on_close = None
        if primary:
            self.open(data=data if data is not None else _open_data, metadata=metadata, buffers=buffers)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        message = {"type": msg_type, "comm": self.comm_id, "data": {} if data is None else data}
        if msg_type == "comm_open":
            message["target"] = keys.get("target_name", self.target_name)
        bridge.post(message, buffers or ())

    def open(self, data=None, metadata=None, buffers=None):
        get_comm_manager().register_comm(self)
        self._closed = False
        self.publish_msg("comm_open", data, metadata, buffers, target_name=self.target_name)

    def send(self, data=None, metadata=None, buffers=None):
        if self._closed:
            raise RuntimeError("This comm is closed.")
        self.publish_msg("comm_msg", data, metadata, buffers)

    def close(self, data=None, metadata=None, buffers=None, deleting=False):
        if self._closed:
            return
        self._closed = True
        if not deleting:
            bridge.post({"type": "comm_close", "comm": self.comm_id})
        get_comm_manager().unregister_comm(self)

    def on_msg(self, callback):
        self._on_message = callback

    def on_close(self, callback):
        self._on_close = callback

    def handle_msg(self, message):
        if self._on_message:
            self._on_message(message)

    def handle_close(self, message):
        self._closed = True
        if self._on_close:
            self._on_close(message)


Comm = BaseComm


class CommManager:
    """All comms and the targets that the page may open."""

    def __init__(self):
        self.comms = {}
        self.targets = {}

    def register_target(self, target_name, callback):
        self.targets[target_name] = callback

    def unregister_target(self, target_name, callback=None):
        return self.targets.pop(target_name)

    def register_comm(self, comm):
        self.comms[comm.comm_id] = comm
        return comm.comm_id

    def unregister_comm(self, comm):
        return self.comms.pop(comm.comm_id, None)

    def get_comm(self, comm_id):
        return self.comms.get(comm_id)


_manager = CommManager()


def get_comm_manager():
    """The one manager."""
    return _manager


def create_comm(*arguments, **options):
    """Opens a comm."""
    return BaseComm(*arguments, **options)


def receive(message, buffers):
    """A comm message from the page, in Kroma's form."""
    kind, comm_id = message["type"], message["comm"]
    told = {
        "header": {"msg_type": kind, "msg_id": uuid.uuid4().hex},
        "parent_header": {},
        "metadata": {},
        "buffers": [memoryview(buffer) for buffer in buffers],
        "content": {"comm_id": comm_id, "data": message.get("data") or {}},
    }
    if kind == "comm_open":
        target = _manager.targets.get(message.get("target"))
        if target is None:
            bridge.post({"type": "comm_close", "comm": comm_id})
            return
        opened = BaseComm(target_name=message["target"], comm_id=comm_id, primary=False)
        _manager.register_comm(opened)
        told["content"]["target_name"] = message["target"]
        _call(target, opened, told)
        return
    found = _manager.get_comm(comm_id)
    if found is None:
        return
    if kind == "comm_close":
        _manager.unregister_comm(found)
        _call(found.handle_close, told)
    else:
        _call(found.handle_msg, told)


def _call(function, *arguments):
    """A callback's error is told below the cell that ran last; it must not end the kernel's loop."""
    try:
        function(*arguments)
    except Exception as error:
        from _kroma import tracebacks

        print("\n".join(tracebacks.describe(error, "")["traceback"]), file=sys.stderr)
