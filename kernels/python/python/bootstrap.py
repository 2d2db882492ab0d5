"""Makes Kroma's modules importable from memory.

A memory snapshot does not hold the file system, so the sources live in a dictionary inside the interpreter. Modules
of Kroma's own names come before everything else; those in FALLBACK only if no installed package has the name.
"""

import importlib.abc
import importlib.machinery
import linecache
import sys

FALLBACK = ("anywidget", "traitlets")


class MemoryLoader(importlib.abc.InspectLoader):
    def __init__(self, modules):
        self.modules = modules

    def get_source(self, fullname):
        return self.modules[fullname]["source"]

    def is_package(self, fullname):
        return self.modules[fullname]["package"]

    def get_filename(self, fullname):
        return f"<kroma>/{fullname.replace('.', '/')}.py"

    def exec_module(self, module):
        name = module.__spec__.name
        filename = self.get_filename(name)
        source = self.get_source(name)
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        exec(compile(source, filename, "exec", dont_inherit=True), module.__dict__)


class MemoryFinder:
    def __init__(self, loader, names):
        self.loader = loader
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.names:
            return None
        return importlib.machinery.ModuleSpec(
            fullname,
            self.loader,
            origin=self.loader.get_filename(fullname),
            is_package=self.loader.is_package(fullname),
        )

    def invalidate_caches(self):
        pass


def install(modules):
    loader = MemoryLoader(modules)
    fallback = {name for name in modules if name.partition(".")[0] in FALLBACK}
    sys.meta_path.insert(0, MemoryFinder(loader, set(modules) - fallback))
    sys.meta_path.append(MemoryFinder(loader, fallback))
