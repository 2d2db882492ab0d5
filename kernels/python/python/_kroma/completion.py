"""Completion and inspection of live names. Code is never run for it: only names, attributes and literal subscripts."""

import ast
import builtins
import inspect as _inspect
import io
import keyword
import os
import re
import sys
import tokenize

from . import magics

MOST = 300
CHAIN = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*|\[(?:\d+|'[^'\n]*'|\"[^\"\n]*\")\])*$")


def _cut(code, cursor):
    """The text before a cursor given in UTF-16 units."""
    return code.encode("utf-16-le")[: cursor * 2].decode("utf-16-le", "ignore")


def _units(text):
    return len(text.encode("utf-16-le")) // 2


def _value(expression, names):
    """The object that a chain of names stands for; properties of instances are not run. Raises LookupError."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        raise LookupError from None
    return _walk(tree, names)


def _walk(node, names):
    if isinstance(node, ast.Name):
        if node.id in names:
            return names[node.id]
        if hasattr(builtins, node.id):
            return getattr(builtins, node.id)
        raise LookupError
    if isinstance(node, ast.Attribute):
        owner = _walk(node.value, names)
        static = _inspect.getattr_static(type(owner), node.attr, None)
        if isinstance(static, property) and not _harmless(owner):
            raise LookupError
        try:
            return getattr(owner, node.attr)
        except Exception:
            raise LookupError from None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner = _walk(node.value, names)
        if type(owner) in (dict, list, tuple, str):
            try:
                return owner[node.slice.value]
            except Exception:
                raise LookupError from None
    if isinstance(node, ast.Constant):
        return node.value
    raise LookupError


def _harmless(owner):
    """Libraries whose properties are cheap and often completed on: df.plot, array.T."""
    return type(owner).__module__.partition(".")[0] in ("numpy", "pandas", "pathlib", "datetime", "matplotlib", "builtins")


def _kind(value):
    if _inspect.ismodule(value):
        return "module"
    if isinstance(value, type):
        return "class"
    return "function" if callable(value) else "instance"


def complete(names, code, cursor):
    """`{matches, start, end}` of a complete_reply."""
    before = _cut(code, cursor)
    line = before.rpartition("\n")[2]
    matches, length = [], 0
    magic = re.match(r"\s*(%{1,2})(\w*)$", line)
    importing = re.match(r"\s*(?:import|from)\s+(?:[\w.]+\s*(?:as\s+\w+)?,\s*)*([\w.]*)$", line)
    from_what = re.match(r"\s*from\s+([\w.]+)\s+import\s+(?:\(?[\w\s,]*,\s*)?(\w*)$", line)
    key = re.search(r"\[\s*(['\"])([^'\"\]]*)$", line)
    owner = CHAIN.search(line[: key.start()]) if key else None
    path = re.search(r"['\"]([^'\"\s]*)$", line)
    if magic:
        percent, stem = magic.groups()
        tables = (magics.cell_magics, {} if percent == "%%" else magics.line_magics)
        found = sorted({name for table in tables for name in table if name.startswith(stem) and name.isidentifier()})
        if percent == "%":
            found = [name for name in found if name in magics.line_magics]
        matches, length = [(percent + name, "magic") for name in found], len(percent + stem)
    elif from_what:
        matches, length = _members_of(from_what.group(1), from_what.group(2)), len(from_what.group(2))
    elif importing:
        matches, length = _modules(importing.group(1)), len(importing.group(1).rpartition(".")[2])
    elif owner:
        matches, length = _keys(names, owner.group(0), *key.groups()), len(key.group(2))
    elif path and _in_string(before):
        stem = path.group(1)
        matches, length = _paths(stem), len(stem.rpartition("/")[2])
    else:
        stem = re.search(r"\w*$", line).group(0)
        length = len(stem)
        base = line[: len(line) - length]
        if base.endswith("."):
            literal = re.search(r"('[^']*'|\"[^\"]*\"|\[\]|\{\})$", base[:-1])
            chain = CHAIN.search(base[:-1]) or literal
            matches = _attributes(names, chain.group(0), stem) if chain else []
        elif stem and not stem[0].isdigit():
            matches = _names(names, stem) + [
                (name + "=", "parameter") for name in _parameters(names, before) if name.startswith(stem)
            ]
    start = cursor - _units(before[len(before) - length :] if length else "")
    return {
        "matches": [{"label": label, "kind": kind} for label, kind in matches[:MOST]],
        "start": start,
        "end": cursor,
    }


def _names(names, stem):
    found = {name: _kind(value) for name, value in list(names.items()) if name.startswith(stem)}
    for name in dir(builtins):
        if name.startswith(stem):
            found.setdefault(name, _kind(getattr(builtins, name, None)))
    for name in (*keyword.kwlist, *keyword.softkwlist):
        if name.startswith(stem):
            found.setdefault(name, "keyword")
    hidden = not stem.startswith("_")
    return sorted((item for item in found.items() if not (hidden and item[0].startswith("_"))), key=lambda i: i[0].lower())


def _attributes(names, expression, stem):
    try:
        owner = _value(expression, names)
        members = dir(owner)
    except Exception:
        return []
    result = []
    for name in sorted(set(members), key=lambda name: (name.startswith("_"), name.lower())):
        if not isinstance(name, str) or not name.startswith(stem) or (name.startswith("_") and not stem.startswith("_")):
            continue
        static = _inspect.getattr_static(owner, name, None)
        kind = "property" if isinstance(static, property) else _kind(static)
        result.append((name, "function" if isinstance(static, (staticmethod, classmethod)) else kind))
    return result


def _keys(names, expression, quote, stem):
    try:
        owner = _value(expression, names)
    except Exception:
        return []
    if isinstance(owner, dict):
        keys = list(owner)
    elif hasattr(owner, "columns"):
        keys = list(owner.columns)
    else:
        return []
    return [(key, "key") for key in keys if isinstance(key, str) and key.startswith(stem) and quote not in key]


def _modules(stem):
    import pkgutil

    package, dot, rest = stem.rpartition(".")
    if dot:
        module = sys.modules.get(package)
        members = [name for _, name, _ in pkgutil.iter_modules(getattr(module, "__path__", []))] if module else []
    else:
        members = {name.partition(".")[0] for name in sys.modules} | set(sys.stdlib_module_names)
        members |= {name for _, name, _ in pkgutil.iter_modules([path for path in sys.path if not path.endswith(".zip")])}
    return [(name, "module") for name in sorted(members) if name.startswith(rest) and (rest.startswith("_") or not name.startswith("_"))]


def _members_of(module, stem):
    found = sys.modules.get(module)
    if found is None:
        # The standard library may be imported to look at it: it does nothing when imported.
        if module.partition(".")[0] not in sys.stdlib_module_names or module in ("antigravity", "this"):
            return []
        try:
            __import__(module)
            found = sys.modules[module]
        except Exception:
            return []
    return [(name, _kind(getattr(found, name, None))) for name in sorted(dir(found)) if name.startswith(stem) and (stem.startswith("_") or not name.startswith("_"))]


def _in_string(text):
    from .transform import Scanner

    scanner = Scanner()
    lines = text.split("\n")
    for line in lines[:-1]:
        scanner.feed(line)
    scanner.feed(lines[-1] + "\\")
    return any(item[0] == "string" for item in scanner.open)


def _paths(stem):
    folder, _, name = stem.rpartition("/")
    try:
        entries = list(os.scandir(os.path.expanduser(folder or ("/" if stem.startswith("/") else "."))))
    except OSError:
        return []
    return sorted(
        (entry.name + ("/" if entry.is_dir() else ""), "path")
        for entry in entries
        if entry.name.startswith(name) and (name.startswith(".") or not entry.name.startswith("."))
    )


def _open_call(before):
    """The chain of names before the bracket that is still open at the end, or None."""
    depth = []
    previous = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(before).readline):
            if token.type == tokenize.OP and token.string in "([{":
                depth.append("".join(previous) if token.string == "(" else None)
                previous = []
            elif token.type == tokenize.OP and token.string in ")]}":
                if depth:
                    depth.pop()
                previous = []
            elif token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                previous = [*previous, token.string] if previous and previous[-1] == "." else [token.string]
            elif token.string == "." and previous:
                previous.append(".")
            elif token.type != tokenize.NL:
                previous = []
    except (tokenize.TokenError, SyntaxError, IndentationError):
        pass
    return depth[-1] if depth and depth[-1] else None


def _parameters(names, before):
    call = _open_call(before)
    if not call:
        return []
    try:
        signature = _inspect.signature(_value(call, names))
    except Exception:
        return []
    return [p.name for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def inspect(names, code, cursor):
    """The MIME bundle of what stands at the cursor, or of the call around it; None if there is nothing."""
    before = _cut(code, cursor)
    after = code.encode("utf-16-le")[cursor * 2 :].decode("utf-16-le", "ignore")
    rest = re.match(r"\w*", after).group(0)
    line = before.rpartition("\n")[2] + rest
    chain = CHAIN.search(line)
    for expression in (chain.group(0) if chain else None, _open_call(before)):
        if not expression:
            continue
        try:
            value = _value(expression, names)
        except Exception:
            continue
        return {"text/plain": describe(expression, value, 1)}
    return None


def describe(name, value, level):
    """What `name?` tells; with the source for level 2."""
    parts = []
    short = name.rpartition(".")[2]
    if callable(value):
        try:
            parts.append(f"Signature: {short}{_inspect.signature(value)}")
        except (TypeError, ValueError):
            pass
    kind = type(value)
    if not (_inspect.isroutine(value) or isinstance(value, type) or _inspect.ismodule(value)):
        parts.append(f"Type:      {kind.__qualname__}")
        try:
            text = repr(value)
        except Exception:
            text = f"<{kind.__qualname__}>"
        parts.append(f"Value:     {text if len(text) < 300 else text[:299] + '…'}")
        try:
            parts.append(f"Length:    {len(value)}")
        except Exception:
            pass
    else:
        parts.append(f"Type:      {kind.__qualname__}")
    source = None
    if level > 1:
        try:
            source = _inspect.getsource(value if _inspect.isroutine(value) or isinstance(value, type) or _inspect.ismodule(value) else kind)
        except (OSError, TypeError):
            pass
    if source:
        parts.append(f"Source:\n{source.rstrip()}")
    else:
        documentation = _inspect.getdoc(value)
        if documentation:
            parts.append(f"Docstring:\n{documentation}")
    return "\n".join(parts)
