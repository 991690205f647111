"""Functions of the user's own, named as `module:function`: found, read, imported and called."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from clr_sweep.common.errors import ClrSweepError, InputError, TrialFailedError
from clr_sweep.common.nearest import hint
from clr_sweep.common.tracebacks import users_traceback
from clr_sweep.definition.own_names import OWN, as_own, near_module


@contextlib.contextmanager
def importable(search_path: Sequence[Path]) -> Iterator[None]:
    """Put folders in front of `sys.path` for as long as the block runs."""
    before = list(sys.path)
    sys.path[:0] = [str(Path(folder).absolute()) for folder in search_path]
    importlib.invalidate_caches()  # the file may be younger than Python's list of its folder
    try:
        yield
    finally:
        sys.path[:] = before


def function_problems(name: str, search_path: Sequence[Path]) -> list[str]:
    """What is wrong with the name, as far as its module's source shows: nothing is imported."""
    return _read(name, search_path)[0]


def _read(name: str, search_path: Sequence[Path]) -> tuple[list[str], ast.Module | None]:
    """What is wrong with the name, and its module's source; None where there is none to read."""
    problems, file = _find_module(name, search_path)
    if file is None:
        return problems, None
    try:
        tree = _parsed(file.read_bytes(), str(file))
    except (SyntaxError, ValueError) as error:  # ValueError: a NUL byte, in some Pythons
        line, text = getattr(error, "lineno", None), getattr(error, "msg", str(error))
        place = f"{file}{f', line {line}' if line else ''}"
        return [f"{place}: Python cannot read it, {text}"], None
    except (OSError, RecursionError):
        return [], None  # importing it says more
    return _missing(name.split(":")[1], tree, file), tree


# One module often holds all that a sweep names, a model, a loss, metrics, each asked for twice.
_parsed = lru_cache(maxsize=4)(ast.parse)


def _find_module(name: str, search_path: Sequence[Path]) -> tuple[list[str], Path | None]:
    """What is wrong with the name, but for what its module holds, and that module's source file.

    None stands for a module that there is not, or that has no Python source.
    """
    matched = OWN.fullmatch(name)
    own = as_own(name, search_path)
    meant = "" if own is None else f" - did you mean {own!r}?"
    if matched is None:
        return [f"must be module:function, as in my_code:function, got {name!r}{meant}"], None
    module = matched["module"]
    with importable(search_path):
        spec = _find_spec(module)
    if spec is None:
        # The folder of a file may be the current one, or where the sweep file was.
        places = ", ".join(dict.fromkeys(str(Path(folder).absolute()) for folder in search_path))
        where = f"{places} and " if places else ""
        near = meant or near_module(module, search_path)
        return [f"there is no module {module!r}{near} (looked in {where}Python's own path)"], None
    if spec.origin is None and spec.submodule_search_locations is not None:
        text = f"the module {module!r} is a folder without __init__.py, which has no functions"
        return [text], None
    if spec.origin is None or not spec.origin.endswith(".py"):
        return [], None
    return [], Path(spec.origin)


def own_name(name: str, search_path: Sequence[Path]) -> str | None:
    """The function of the user's own that a name without a colon is of, `my_data.load`, if any."""
    meant = as_own(name, search_path)
    return None if meant is None or function_problems(meant, search_path) else meant


def import_function(name: str, search_path: Sequence[Path]) -> tuple[Callable[..., Any], str]:
    """Import a function.

    Returns:
        The function, and where it stands, for messages: `file:function`.

    Raises:
        InputError: there is no such module, or no such function in it.
        TrialFailedError: the module raised an exception; with its traceback.
    """
    problems, _ = _find_module(name, search_path)
    if problems:
        raise InputError(problems)
    module_name, function_name = name.split(":")
    with importable(search_path):
        _refuse_namesake(module_name)
        module = called(f"importing {module_name}", lambda: importlib.import_module(module_name))
    source = f"{getattr(module, '__file__', None) or module_name}:{function_name}"
    function = getattr(module, function_name, None)
    if not callable(function):
        found = "no such name" if function is None else f"a {type(function).__name__}"
        functions = [key for key, value in vars(module).items() if callable(value)]
        near = hint(function_name, functions) if function is None else ""
        raise InputError(f"must be a function, got {found}{near}", source)
    return function, source


class FunctionArguments(NamedTuple):
    """What a function's source tells of its arguments.

    Attributes:
        names: all that it takes; None where the source does not tell, or it takes any.
        required: those without a default, as far as the source tells.
    """

    names: tuple[str, ...] | None = None
    required: tuple[str, ...] = ()


def function_arguments(name: str, search_path: Sequence[Path]) -> FunctionArguments:
    """The arguments of a function, read from its source: importing it may import Keras.

    The source does not tell where the function is decorated, assigned, imported or defined more
    than once, or cannot be read.
    """
    found = arguments_in_source(name, search_path)
    if found is None or found.posonlyargs:
        return FunctionArguments()
    without = len(found.args) - len(found.defaults)
    by_keyword = zip(found.kwonlyargs, found.kw_defaults, strict=True)
    required = [*found.args[:without], *(one for one, default in by_keyword if default is None)]
    every = (*found.args, *found.kwonlyargs)
    return FunctionArguments(
        None if found.kwarg else tuple(argument.arg for argument in every),
        tuple(argument.arg for argument in required),
    )


def no_value(model: str) -> str:
    """The message for an argument without a default that `model.arguments` does not give."""
    return (
        f"is required by {model}, and the baseline needs a value: give it one here (search_space "
        "gives one to the trials alone), or give the function a default"
    )


def arguments_in_source(name: str, search_path: Sequence[Path]) -> ast.arguments | None:
    """The arguments of a function as its source has them; None where that does not tell."""
    _, tree = _read(name, search_path)
    if tree is None:
        return None
    _, function = name.split(":")
    found = [node for bound, node in _bound(tree.body) if bound in (function, "*")]
    if len(found) != 1 or not isinstance(found[0], ast.FunctionDef) or found[0].decorator_list:
        return None
    return found[0].args


def called(doing: str, call: Callable[[], Any]) -> Any:
    """Call the user's code.

    Raises:
        TrialFailedError: it raised an exception; with the traceback of the user's own frames.
    """
    try:
        return call()
    # SystemExit and KeyboardInterrupt too: Ctrl-C does not reach a job's process.
    except BaseException as error:
        text = users_traceback(error)
        raise TrialFailedError(f"{doing} raised an exception:\n{text}") from error


@contextlib.contextmanager
def users_code(doing: str) -> Iterator[None]:
    """The same of the user's code in the user's own process, where Ctrl-C is not an error.

    Raises:
        TrialFailedError: it raised an exception, which is its cause.
    """
    try:
        yield
    except ClrSweepError:
        raise
    except Exception as error:
        raise TrialFailedError(f"{doing} raised {type(error).__name__}: {error}") from error


_BINDS_UNSEEN = {"exec", "globals", "locals", "modules", "setattr", "vars"}
"""With one of these a module may have names that no statement of its own shows."""


def _missing(function: str, tree: ast.Module, file: Path) -> list[str]:
    """That a module has no such name, where its source leaves no doubt of it."""
    bound = dict(_bound(tree.body))
    if bound.keys() & {function, "*", "__getattr__"}:
        return []
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in _BINDS_UNSEEN:
                return []
            case ast.Global(names=names) if function in names:
                return []
    own = [
        name for name, node in bound.items() if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return [f"there is no {function!r} in {file}{hint(function, own)}"]


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
        elif isinstance(node, ast.MatchAs | ast.MatchStar) and node.name is not None:
            yield node.name, node
        waiting += ast.iter_child_nodes(node)


def _find_spec(module: str) -> importlib.machinery.ModuleSpec | None:
    """As importlib.util.find_spec, which imports the packages above a module: that may be Keras."""
    path: list[str] | None = None
    spec: importlib.machinery.ModuleSpec | None = None
    names = module.split(".")
    for depth in range(1, len(names) + 1):
        if depth > 1 and path is None:
            return None  # the module above is no package
        try:
            spec = _ask_finders(".".join(names[:depth]), path)
            if spec is None:
                return None
            locations = spec.submodule_search_locations
            path = None if locations is None else list(locations)
        except KeyError:
            # folders without __init__.py inside each other: Python cannot look into the inner one
            # before it has imported the outer one, so whether the module is there shows at loading
            return importlib.machinery.ModuleSpec(module, None, origin="not looked for")
    return spec


def _ask_finders(name: str, path: list[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, "find_spec", None)
        if find_spec is not None and (spec := find_spec(name, path)) is not None:
            found: importlib.machinery.ModuleSpec = spec
            return found
    return None


def _refuse_namesake(module: str) -> None:
    """A module of the same name that is imported already would be used in silence."""
    top = module.split(".")[0]
    imported = getattr(sys.modules.get(top), "__file__", None)
    spec = _find_spec(top)
    if imported is None or spec is None or spec.origin is None:
        return
    if Path(imported).resolve() != Path(spec.origin).resolve():
        raise InputError(
            f"the module {top!r} in {spec.origin} has the name of one that is imported already, "
            f"{imported}; give it another name"
        )
