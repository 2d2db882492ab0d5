"""Versions, specifiers, markers and requirements of Python packages (PEP 440 and 508), as small as installing needs."""

import ast
import os
import platform
import re
import sys

VERSION = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)(?:[-_.]?(?P<pre>a|b|c|rc|alpha|beta|pre|preview)[-_.]?(?P<pre_n>\d*))?"
    r"(?:-(?P<post_short>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>\d*))?(?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.I,
)
CLAUSE = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*([^\s,;)]+)\s*")
REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<rest>.*)$", re.S)


class InvalidRequirement(ValueError):
    """Text that is no requirement."""


def canonical(name):
    """The one way to write a project's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Version:
    """A version that can be compared; ValueError if it is none."""

    def __init__(self, text):
        match = VERSION.fullmatch(text.strip())
        if not match:
            raise ValueError(f"{text!r} is no version")
        part = match.groupdict()
        self.text = text.strip()
        self.epoch = int(part["epoch"] or 0)
        self.release = tuple(int(number) for number in part["release"].split("."))
        letter = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}.get((part["pre"] or "").lower(), (part["pre"] or "").lower())
        self.pre = (letter, int(part["pre_n"] or 0)) if part["pre"] else None
        has_post = part["post"] is not None or part["post_short"] is not None
        self.post = int(part["post_n"] or part["post_short"] or 0) if has_post else None
        self.dev = int(part["dev_n"] or 0) if part["dev"] else None
        local = re.split(r"[-_.]", part["local"].lower()) if part["local"] else None
        self.local = tuple((1, int(item), "") if item.isdigit() else (0, 0, item) for item in local) if local else None
        trimmed = self.release
        while len(trimmed) > 1 and trimmed[-1] == 0:
            trimmed = trimmed[:-1]
        # A development release sorts before everything of its release, a pre-release before it, a post-release after.
        pre = ("", -1) if self.pre is None and self.post is None and self.dev is not None else self.pre or ("~", 0)
        self.public = (self.epoch, trimmed, pre, -1 if self.post is None else self.post, float("inf") if self.dev is None else self.dev)
        self.key = (*self.public, self.local or ())

    @property
    def is_pre(self):
        return self.pre is not None or self.dev is not None

    def __lt__(self, other):
        return self.key < other.key

    def __eq__(self, other):
        return isinstance(other, Version) and self.key == other.key

    def __hash__(self):
        return hash(self.key)

    def __repr__(self):
        return self.text


class Specifier:
    """A set of clauses such as `>=1.2,<2`."""

    def __init__(self, text=""):
        self.text = text.strip().strip("()").strip()
        self.clauses = []
        for piece in filter(None, (piece.strip() for piece in self.text.split(","))):
            match = CLAUSE.fullmatch(piece)
            if not match:
                raise InvalidRequirement(f"{piece!r} is no version specifier")
            operator, version = match.groups()
            wild = version.endswith(".*")
            if wild and operator not in ("==", "!="):
                raise InvalidRequirement(f"{piece!r}: .* goes with == and != only")
            if operator != "===":
                try:
                    Version(version.removesuffix(".*"))
                except ValueError as error:
                    raise InvalidRequirement(f"{piece!r}: {error}") from None
            self.clauses.append((operator, version))

    @property
    def names_pre(self):
        return any(operator in ("==", ">=", "<=", "~=", "===") and not v.endswith(".*") and Version(v).is_pre for operator, v in self.clauses)

    def allows(self, version):
        """Does the version fit all clauses? (Pre-releases are the caller's business.)"""
        return all(_fits(version, operator, wanted) for operator, wanted in self.clauses)

    def __str__(self):
        return ",".join(operator + version for operator, version in self.clauses)


def _fits(version, operator, text):
    if operator == "===":
        return version.text.lower() == text.lower()
    if text.endswith(".*"):
        wanted = Version(text[:-2])
        padded = version.release + (0,) * len(wanted.release)
        same = version.epoch == wanted.epoch and padded[: len(wanted.release)] == wanted.release
        return same if operator == "==" else not same
    wanted = Version(text)
    if operator in ("==", "!="):
        same = version.key == wanted.key if wanted.local else version.public == wanted.public
        return same is (operator == "==")
    if operator == "~=":
        prefix = ".".join(map(str, wanted.release[:-1])) if len(wanted.release) > 1 else str(wanted.release[0])
        prefix = f"{wanted.epoch}!{prefix}" if wanted.epoch else prefix
        return version.public >= wanted.public and _fits(version, "==", prefix + ".*")
    if operator == ">=":
        return version.public >= wanted.public
    if operator == "<=":
        return version.public <= wanted.public
    same_release = version.epoch == wanted.epoch and Version(".".join(map(str, version.release))).public[1] == wanted.public[1]
    if operator == "<":
        # A pre-release of the version itself is not "less" unless the version is one.
        return version.public < wanted.public and not (version.is_pre and not wanted.is_pre and same_release)
    return version.public > wanted.public and not (version.post is not None and wanted.post is None and same_release)


def environment(extra=""):
    """The names that markers may use."""
    python = ".".join(map(str, sys.version_info[:2]))
    full = ".".join(map(str, sys.version_info[:3]))
    return {
        "python_version": python,
        "python_full_version": full,
        "os_name": os.name,
        "os.name": os.name,
        "sys_platform": sys.platform,
        "sys.platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_python_implementation": "CPython",
        "python_implementation": "CPython",
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": full,
        "extra": extra,
    }


def marker_holds(text, extras=()):
    """Is the marker true here, with one of the extras or without any?"""
    try:
        # `~=` and `===` are no Python; these operators have no other use in a marker.
        tree = ast.parse(text.strip().replace("===", "==").replace("~=", "@"), mode="eval").body
    except SyntaxError:
        raise InvalidRequirement(f"{text!r} is no marker") from None
    return any(_marker(tree, environment(extra)) for extra in (extras or ("",)))


def _marker(node, names):
    if isinstance(node, ast.BoolOp):
        results = (_marker(part, names) for part in node.values)
        return all(results) if isinstance(node.op, ast.And) else any(results)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return _compare(_term(node.left, names), "~=", _term(node.right, names))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        operators = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in", ast.NotIn: "not in"}
        operator = operators.get(type(node.ops[0]))
        left, right = _term(node.left, names), _term(node.comparators[0], names)
        if "extra" in (_name(node.left), _name(node.comparators[0])):
            left, right = canonical(left), canonical(right)
        if operator:
            return _compare(left, operator, right)
    raise InvalidRequirement(f"{ast.unparse(node)!r} is no marker")


def _name(node):
    return node.id if isinstance(node, ast.Name) else ast.unparse(node) if isinstance(node, ast.Attribute) else ""


def _term(node, names):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    name = _name(node)
    if name not in names:
        raise InvalidRequirement(f"{ast.unparse(node)!r} is no name for a marker")
    return names[name]


def _compare(left, operator, right):
    if operator == "in":
        return left in right
    if operator == "not in":
        return left not in right
    try:
        return Specifier(operator + right).allows(Version(left))
    except ValueError:
        return {"==": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}.get(operator, False)


class Requirement:
    """`name[extras] specifier ; marker`, or `name @ url`."""

    def __init__(self, text):
        self.text = text.strip()
        match = REQUIREMENT.match(self.text)
        if not match:
            raise InvalidRequirement(f"{text!r} is no requirement")
        self.name = canonical(match.group("name"))
        self.extras = {canonical(extra.strip()) for extra in (match.group("extras") or "").split(",") if extra.strip()}
        rest = match.group("rest")
        self.url = None
        if rest.startswith("@"):
            self.url, _, self.marker = rest[1:].strip().partition(" ;")
            self.url = self.url.strip()
            rest = ""
        else:
            rest, _, self.marker = rest.partition(";")
        self.marker = self.marker.strip()
        self.specifier = Specifier(rest)

    def applies(self, extras=()):
        return not self.marker or marker_holds(self.marker, extras)

    def __str__(self):
        return self.name + (f"[{','.join(sorted(self.extras))}]" if self.extras else "") + str(self.specifier)
