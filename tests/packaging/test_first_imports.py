"""Whatever a process imports first: each order in a process of its own.

The modules of the other tests import Keras first, all of them, and see one order.
"""

from __future__ import annotations

import pickletools
import pkgutil
from pathlib import Path
from queue import Empty

import pytest
from import_pieces import ENVIRONMENT, LIBRARY, LOADED, REGISTERED, SCHEDULES, UNPICKLED, Forks, Run
from jupyter_client.manager import start_new_kernel
from own_process import python

import clr_sweep


def run_from_nothing(folder: Path, code: str) -> None:
    """Runs code in a process that no other has prepared, with TensorFlow."""
    python("-c", code, folder=folder, timeout=300, TF_CPP_MIN_LOG_LEVEL="3")


@pytest.mark.parametrize("name", SCHEDULES)
def test_any_public_name_first(run: Run, name: str) -> None:
    """Imported or as an attribute, of the package or of its schedules; and all are registered."""
    for code in (
        f"from clr_sweep import {name}",
        f"import clr_sweep; clr_sweep.{name}",
        f"from clr_sweep.schedules import {name}",
    ):
        run(code + REGISTERED)


@pytest.mark.heavy
@pytest.mark.parametrize("name", LIBRARY)
def test_any_name_of_the_library_first(library: Run, name: str) -> None:
    """As an attribute or imported, before or after what is within the package; nothing registers.

    `range_test` is the name of a package too, which is what Python finds once it is imported.
    """
    for code in (
        f"from clr_sweep import {name}",
        f"import clr_sweep; {name} = clr_sweep.{name}",
        f"import clr_sweep.definition.sweep; from clr_sweep import {name}",
    ):
        library(f"{code}\nassert callable({name})\nimport sys; assert 'keras' not in sys.modules")


@pytest.mark.parametrize("module", ["base", "cyclical", "cyclical_policies", "decays", "ramp"])
def test_any_module_of_the_schedules_first(run: Run, module: str) -> None:
    """The package is whole, whichever of its modules is asked for."""
    run(f"import clr_sweep.schedules.keras.{module}" + REGISTERED)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "before",
    [
        "import clr_sweep",
        "import keras, clr_sweep",
        "import clr_sweep, keras",
        "from clr_sweep.schedules import learning_rate",
        "from clr_sweep import CosineLearningRate",
        "import importlib.util, clr_sweep; assert importlib.util.find_spec('keras')",
        "import clr_sweep.cli",
    ],
)
def test_a_saved_model_loads_after(run: Run, before: str) -> None:
    """`import clr_sweep` is all that is asked for, before Keras or after it."""
    run(before + LOADED)


def test_a_pickle_first(run: Run) -> None:
    """Nothing is imported but pickle: it imports what the schedule needs; a copy is the same."""
    run(UNPICKLED + REGISTERED)
    run(
        UNPICKLED + "import copy\n"
        "copied = copy.deepcopy(unpickled)\n"
        "assert type(copied) is type(unpickled)\n"
        "assert copied.get_config() == unpickled.get_config()\n"
        "assert pickle.loads(pickle.dumps(copied)).get_config() == copied.get_config()\n"
    )


def test_a_pickle_holds_the_public_address(run: Run, folder: Path) -> None:
    """So it can be read when the modules within the package have moved."""
    assert run is not None  # which has written it
    content = (folder / "schedule.pickle").read_bytes()
    found = {text for _, text, _ in pickletools.genops(content) if isinstance(text, str)}
    # And the address of the scale, a function of the arithmetic.
    wanted = {"clr_sweep", "clr_sweep.schedules.policies"}
    assert {text for text in found if text.startswith("clr_sweep")} == wanted


@pytest.mark.parametrize(
    "code",
    [
        "from clr_sweep import Triangular2CyclicalLearningRate" + REGISTERED,
        pytest.param("import clr_sweep, tensorflow" + LOADED, marks=pytest.mark.heavy),
        pytest.param(
            # TensorFlow's own name for Keras.
            "import clr_sweep, tensorflow as tf\nkeras = tf.keras"
            + LOADED.replace("import keras", ""),
            marks=pytest.mark.heavy,
        ),
    ],
)
@pytest.mark.usefixtures("run")
def test_with_tensorflow_from_nothing(folder: Path, code: str) -> None:
    """TensorFlow imports Keras and Keras imports TensorFlow, whichever comes first."""
    run_from_nothing(folder, code)


@pytest.mark.heavy
@pytest.mark.usefixtures("run")
def test_a_spawned_process_is_handed_a_schedule(folder: Path) -> None:
    """It unpickles its arguments before anything of its main module needs Keras."""
    (folder / "spawned.py").write_text(
        "import multiprocessing, sys\n"
        "def rates(schedule):\n"
        "    return [float(schedule(step)) for step in (0, 2, 4, 6)]\n"
        "if __name__ == '__main__':\n"
        "    from clr_sweep import Triangular2CyclicalLearningRate\n"
        "    schedule = Triangular2CyclicalLearningRate(0.25, 0.75, 2)\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        assert pool.apply(rates, (schedule,)) == [0.25, 0.75, 0.25, 0.5]\n",
        encoding="utf-8",
    )
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "jax"}
    python("spawned.py", folder=folder, timeout=300, **quiet)


@pytest.mark.heavy
@pytest.mark.usefixtures("run")
def test_a_notebook(folder: Path) -> None:
    """A kernel as Jupyter starts it, cell by cell; a completion looks at the package first."""
    manager, client = start_new_kernel(
        startup_timeout=300, cwd=str(folder), env=ENVIRONMENT | {"KERAS_BACKEND": "jax"}
    )
    try:
        for cell in (
            "import clr_sweep",
            "clr_sweep.Triangular2CyclicalLearningRate?",
            "schedule = clr_sweep.Triangular2CyclicalLearningRate(0.25, 0.75, 2)",
            REGISTERED + LOADED,
            "import copy, pickle; pickle.loads(pickle.dumps(copy.deepcopy(schedule)))",
        ):
            reply = client.execute_interactive(cell, timeout=300, output_hook=lambda _: None)
            assert reply["content"]["status"] == "ok", reply["content"]
            client.complete("clr_sweep.Tri")
    except Empty:
        pytest.fail("the kernel did not answer")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


# Where Keras is there before it, the package imports all its schedules at once.
WITHOUT_KERAS = """
import sys
keras = {{name: sys.modules[name] for name in sys.modules if name.partition(".")[0] == "keras"}}
for name in keras:
    del sys.modules[name]
import clr_sweep
assert "clr_sweep.schedules.keras" not in sys.modules
sys.modules.update(keras)
import {}
"""


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_any_module_of_the_package_first(folder: Path) -> None:
    """None depends on another having been imported before it."""
    modules = [
        module.name
        for module in pkgutil.walk_packages(clr_sweep.__path__, "clr_sweep.")
        if not module.name.endswith("__main__")
    ]
    assert len(modules) > 100
    forks = Forks(folder, "+keras", "clr_sweep.study.stages", "clr_sweep.study.preloaded")
    for module in modules:
        forks.run(WITHOUT_KERAS.format(module))
    forks.close()
