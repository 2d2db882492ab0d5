"""IPython's habits as plain Python: `%magic`, `!command`, `name?` become calls of `get_ipython()`.

A small scanner knows where strings, comments, brackets and continued lines are, so only the start of a logical line
outside all of them is ever looked at: `a % b`, `x != y` and a `!` in a string stay what they are. Lines keep their
numbers. Calls that may wait for something are awaited where that is allowed (column 0).
"""

import ast
import keyword
import re

PREFIX = re.compile(r"(?i)(?:[rbuft]|br|rb|fr|rf|tr|rt)?(\"\"\"|'''|\"|')")
WORD = re.compile(r"[^\W\d]\w*")
# Targets of `names = !ls`: names, attributes, subscripts, tuples of them; and no comparison before the "=".
ASSIGN = re.compile(r"(?P<target>[^\W\d][\w.\[\]'\", *]*?)\s*=\s*(?P<kind>[!%])(?P<rest>[^=].*)$", re.S)
HELP_BEFORE = re.compile(r"(\?\??)\s*([%\w.*\[\]'\"]+)\s*$")
HELP_AFTER = re.compile(r"(%{0,2}[^\W\d][\w.\[\]'\"()*]*)(\?\??)\s*$")

# `pip install x` and `ls` without their `%`; no assignment, call, attribute or other expression of that name.
BARE = re.compile(r"(?P<name>[^\W\d]\w*)(?:[ \t]+(?P<rest>\S.*))?$")
EXPRESSION = re.compile(r"(?:[-+*/%&|^@<>]|//|\*\*|<<|>>|[=!:])?=|[(\[,:]|\.\w|(?:is|in|if|and|or|not|for)\b")
# Python's packages are not those of the Linux machine. What follows a pipe or redirection is left out of it.
PIP = re.compile(r"!\s*(?:\S*python3?\s+-m\s+|\{sys\.executable\}\s+-m\s+)?pip3?\s+(?P<rest>[^|;&<>]*?)\s*(?:[12&]?>+.*|\|.*)?$", re.S)


class Scanner:
    """Where a physical line stands: inside a string, inside brackets, continued, or at a fresh logical line."""

    def __init__(self):
        # A stack of what is open: ("string", quote, raw, is_format) or ("bracket", closer).
        self.open = []
        self.continued = False

    @property
    def fresh(self):
        return not self.open and not self.continued

    def feed(self, line):
        """Reads one physical line without its end; returns the place of its comment, or its length."""
        position = 0
        self.continued = False
        comment = len(line)
        while position < len(line):
            top = self.open[-1] if self.open else None
            if top and top[0] == "string":
                position = self._in_string(line, position, top)
                continue
            character = line[position]
            if character == "#":
                comment = position
                break
            if character == "\\" and position == len(line) - 1:
                self.continued = True
                break
            match = PREFIX.match(line, position)
            if match and (position == 0 or not (line[position - 1].isalnum() or line[position - 1] == "_")):
                prefix = match.group(0)[: -len(match.group(1))].lower()
                self.open.append(("string", match.group(1), "r" in prefix, "f" in prefix or "t" in prefix))
                position = match.end()
                continue
            word = WORD.match(line, position)
            if word:
                position = word.end()
                continue
            if character in "([{":
                self.open.append(("bracket", {"(": ")", "[": "]", "{": "}"}[character]))
            elif character in ")]}" and top and top[0] == "bracket":
                self.open.pop()
            elif (
                character == ":"
                and len(self.open) >= 2
                and top == ("bracket", "}")
                and self.open[-2][0] == "string"
            ):
                # The format after the colon of a replacement field is string again, up to its brace.
                self.open[-1] = ("string", "}", True, True)
            position += 1
        # A string of one line ends with it (it is a syntax error, and not ours), unless a backslash continues it.
        if not line.endswith("\\"):
            while self.open and any(item[0] == "string" and len(item[1]) == 1 and item[1] != "}" for item in self.open):
                self.open.pop()
        return comment

    def _in_string(self, line, position, top):
        _, quote, raw, is_format = top
        if line.startswith(quote, position):
            self.open.pop()
            return position + len(quote)
        character = line[position]
        if character == "\\":
            return position + 2
        if is_format and character == "{":
            if line.startswith("{{", position) and quote != "}":
                return position + 2
            self.open.append(("bracket", "}"))
        return position + 1


def transform(source, changed=None, is_magic=None):
    """The cell as Python. A cell magic must have been taken off before (`split_cell_magic`).

    `changed` is a set that gets the numbers of the lines that are other now. `is_magic` tells whether a word at the
    start of a line can mean the magic of that name, because nothing else has the name.
    """
    if not any(mark in source for mark in "%!?") and not (is_magic and _has_bare(source, is_magic)):
        return source
    changed = set() if changed is None else changed
    lines = source.split("\n")
    result = []
    scanner = Scanner()
    index = 0
    first = True
    while index < len(lines):
        line = lines[index]
        if scanner.fresh:
            text, used = _logical(lines, index)
            new = _transform_line(text)
            if new is None and is_magic and used == 1:
                new = _transform_bare(line, first, is_magic)
            first = first and not text.strip()
            if new is not None:
                result.append(new)
                result.extend([""] * (used - 1))
                changed.update(range(index + 1, index + used + 1))
                index += used
                continue
        start = scanner.fresh
        comment = scanner.feed(line)
        if start and scanner.fresh:
            new = _transform_help(line, comment)
            if new is not None:
                line = new
                changed.add(index + 1)
        result.append(line)
        index += 1
    return "\n".join(result) if changed else source


def split_cell_magic(source):
    """`(name, argument line, body, line of the magic)` of a cell that starts with `%%name`, or None."""
    match = re.match(r"((?:[ \t]*\n)*)%%([^\W\d]\w*!?|!)([^\n]*)(?:\n|$)", source)
    if not match:
        return None
    return match.group(2), match.group(3).strip(), source[match.end() :], match.group(1).count("\n") + 1


def _logical(lines, index):
    """The line with those that a backslash at its end joins to it, and how many they are."""
    text = lines[index]
    used = 1
    if not re.match(r"\s*[%!?]", text) and not ASSIGN.match(text.strip()):
        return text, 1
    while text.endswith("\\") and index + used < len(lines):
        text = text[:-1] + lines[index + used].lstrip() if text.lstrip()[0] != "!" else text + "\n" + lines[index + used]
        used += 1
    return text, used


def _transform_line(line):
    indent = line[: len(line) - len(line.lstrip())]
    text = line.strip()
    if not text:
        return None
    wait = "await " if not indent else ""
    later = "_later" if not indent else ""
    first = text[0]
    if first == "!":
        pip = PIP.match(text)
        if pip:
            return f"{indent}{wait}get_ipython().run_line_magic{later}('pip', {pip.group('rest')!r})"
        if text.startswith("!!"):
            return f"{indent}get_ipython().getoutput({text[2:].strip()!r})"
        return f"{indent}get_ipython().system({text[1:].strip()!r})"
    if first == "?":
        match = HELP_BEFORE.match(text)
        return f"{indent}get_ipython().inquire({match.group(2)!r}, {len(match.group(1))})" if match else None
    if first == "%":
        help_after = HELP_AFTER.match(text)
        if help_after:
            return f"{indent}get_ipython().inquire({help_after.group(1)!r}, {len(help_after.group(2))})"
        match = re.match(r"%{1,2}([^\W\d]\w*|!)(.*)$", text, re.S)
        if not match:
            return None
        return f"{indent}{wait}get_ipython().run_line_magic{later}({match.group(1)!r}, {match.group(2).strip()!r})"
    match = ASSIGN.match(text)
    if match:
        target, rest = match.group("target"), match.group("rest").strip()
        if match.group("kind") == "!":
            return f"{indent}{target} = get_ipython().getoutput({rest!r})"
        magic = re.match(r"([^\W\d]\w*)(.*)$", rest, re.S)
        if magic:
            name, argument = magic.group(1), magic.group(2).strip()
            return f"{indent}{target} = {wait}get_ipython().run_line_magic{later}({name!r}, {argument!r})"
    return None


def _transform_help(line, comment):
    code = line[:comment].rstrip()
    if not code.endswith("?"):
        return None
    indent = line[: len(line) - len(line.lstrip())]
    match = HELP_AFTER.match(code.strip())
    if not match:
        return None
    return f"{indent}get_ipython().inquire({match.group(1)!r}, {len(match.group(2))})"


def _has_bare(source, is_magic):
    return any(is_magic(word) for word in re.findall(r"^[^\W\d]\w*", source, re.M))


def _transform_bare(line, first, is_magic):
    """A magic without its `%`: as a cell's first line, or where the line is no Python."""
    match = BARE.match(line)
    if not match or keyword.iskeyword(match.group("name")) or not is_magic(match.group("name")):
        return None
    rest = (match.group("rest") or "").strip()
    if EXPRESSION.match(rest) or line.endswith("\\") or not first and (not rest or _is_python(line)):
        return None
    return f"await get_ipython().run_line_magic_later({match.group('name')!r}, {rest!r})"


def _is_python(line):
    try:
        ast.parse(line)
    except (SyntaxError, ValueError):
        return False
    return True
