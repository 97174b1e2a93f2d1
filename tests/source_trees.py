"""The program as syntax trees, read once for all tests that judge it."""

import ast
import functools
from pathlib import Path


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return a file's tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return everything in a file."""
    return tuple(ast.walk(tree_of(path)))


@functools.cache
def calls_of(path: Path) -> tuple[tuple[str, ast.Call], ...]:
    """Return every call in a file, with what is called as it is written."""
    return tuple((ast.unparse(node.func), node) for node in nodes_of(path) if isinstance(node, ast.Call))
