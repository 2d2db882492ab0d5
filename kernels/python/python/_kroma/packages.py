"""Packages."""


async def load_imports(code):
    pass
