"""The files of the user's own code that a sweep needs, for machines that do not have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from clr_sweep.definition.data_names import kind_of
from clr_sweep.definition.sweep import Sweep


def own_modules(sweep: Sweep, search_path: Sequence[Path]) -> tuple[Path, ...]:
    """The modules and packages that lie beside those that a sweep names, and these themselves.

    Which of them a module imports shows only when it runs. Those that are found on Python's own
    path are installed, and are not among them.

    Args:
        search_path: folders in which a module of the user's is looked for, in this order.
    """
    used = {
        next((folder for folder in search_path if _holds(folder, module)), None)
        for module in _named(sweep)
    }
    found: dict[str, Path] = {}
    for folder in search_path:
        for path in sorted(folder.iterdir()) if folder in used else ():
            if path.suffix == ".py" or (path / "__init__.py").is_file():
                found.setdefault(path.name, path)
    return tuple(found.values())


def _named(sweep: Sweep) -> Iterator[str]:
    """The outermost packages of `module:name`."""
    data, training = sweep.dataset.name, sweep.training
    named = (
        data if kind_of(data) == "function" else "",
        sweep.model.name,
        training.optimizer.name,
        training.sample_weight or "",
        *(name for one in training.outputs for name in (one.loss.name, *one.metrics)),
        training.function or "",
        training.evaluate or "",
    )
    for name in named:
        module, colon, _ = name.partition(":")
        if colon:
            yield module.partition(".")[0]


def _holds(folder: Path, module: str) -> bool:
    return (folder / f"{module}.py").is_file() or (folder / module).is_dir()
