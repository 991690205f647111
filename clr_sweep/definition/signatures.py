"""The arguments of a user's function, read from its source: importing it may import Keras."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from clr_sweep.definition.own_functions import function_problems, module_file


def function_arguments(name: str, search_path: Sequence[Path]) -> tuple[str, ...] | None:
    """The names of the arguments that a function takes.

    Args:
        name: of the function, as `module:function`.
        search_path: folders in which its module is looked for.

    Returns:
        The names; None where the source does not tell: the function is decorated, assigned,
        imported or defined more than once, takes any argument, or cannot be read.
    """
    if function_problems(name, search_path):
        return None
    module, function = name.split(":")
    file = module_file(module, search_path)
    if file is None:
        return None
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    found = [node for bound, node in _bound(tree.body) if bound in (function, "*")]
    if len(found) != 1 or not isinstance(found[0], ast.FunctionDef) or found[0].decorator_list:
        return None
    arguments = found[0].args
    if arguments.kwarg is not None or arguments.posonlyargs:
        return None
    return tuple(argument.arg for argument in (*arguments.args, *arguments.kwonlyargs))


def _bound(statements: Sequence[ast.stmt]) -> Iterator[tuple[str, ast.AST]]:
    """The names that the module's own statements bind, each with what binds it; "*" for any."""
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node
            continue  # what it binds, it binds inside
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node
        elif isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield node.id, node
        waiting += ast.iter_child_nodes(node)
