"""The Python face: what `import minecover` offers, each name in a module of its own.

`minecover/__init__.py` lists the names and imports a module here when one of its names is first
used. Only it and `minecover.commands` import this room; this room may import any other. Errors of
the face speak of arguments.
"""
