"""`clr-sweep doctor` in a folder with a finished study, and all that is stored there."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from small_studies import SmallStudy, text_of

from clr_sweep.cli import main


def doctor(*arguments: str) -> tuple[int, str]:
    """Exit status and output of `clr-sweep doctor` in the current folder."""
    done = CliRunner().invoke(main, ["doctor", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


class Whole:
    """A finished study in the current folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials = folder / "trials" / "example"

    @property
    def study(self) -> SmallStudy:
        return SmallStudy(self.folder)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    def run(self, name: str) -> str:
        """The id of the run of this name."""
        experiments = [item.experiment_id for item in self.client.search_experiments()]
        (run,) = self.client.search_runs(experiments, f"attributes.run_name = '{name}'")
        return str(run.info.run_id)

    def state(self) -> dict[str, str]:
        """All that is stored: both databases, and every file's content."""
        files = {
            str(file.relative_to(self.folder)): file.read_bytes().hex()
            for file in sorted(self.folder.rglob("*"))
            if file.is_file() and not file.name.endswith((".db", "lock"))
        }
        dumps = {file.name: text_of(file) for file in self.folder.glob("*.db")}
        return {**files, **dumps}

    def mended(self, *said: str, status: int = 0) -> None:
        """Looking finds exactly this and changes nothing; mending mends it, and only once."""
        before = self.state()
        code, output = doctor()
        assert code == 1
        for text in said:
            assert text in output
        assert "(mended)" not in output
        assert "mend it: clr-sweep doctor example --fix" in output
        assert self.state() == before
        code, output = doctor("--fix")
        assert code == status, output
        for text in said:
            assert text in output
        assert "(mended)" in output
        after = self.state()
        code, output = doctor("--fix")
        assert (code, "(mended)" in output) == (status, False), output
        if not status:
            assert output == "study example: all is well\n"
            assert doctor("example") == (0, output)
        assert self.state() == after
