"""A working copy of the project whose `ingestor` command a benchmark runs."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bench.errors import CheckoutError, WrongResult

THIS, OTHER = "this", "other"
_ROOT = Path(__file__).parents[1]
_COMMAND_SECONDS = 300.0


class Checkout:
    """Runs the `ingestor` command of a working copy with this Python interpreter.

    Packages may have other names in another version. So the entry point of the command and the
    folders of the packages come from the working copy's pyproject.toml.

    Args:
        label: for messages and results.
        entry_point: of the command, as in `[project.scripts]`.
        package_folders: that become PYTHONPATH.
    """

    def __init__(self, label: str, entry_point: str, package_folders: list[Path]) -> None:
        self.label = label
        self._module, _, self._app = entry_point.partition(":")
        self.environ = {"PYTHONPATH": os.pathsep.join(map(str, package_folders))}

    @classmethod
    def open(cls, label: str, folder: Path) -> Self:
        """Read a working copy's pyproject.toml.

        Raises:
            CheckoutError: the folder holds no working copy of this project.
        """
        try:
            project = tomllib.loads((folder / "pyproject.toml").read_text())
            entry_point = project["project"]["scripts"]["ingestor"]
            folders = project["tool"]["hatch"]["build"]["dev-mode-dirs"]
        except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
            raise CheckoutError(
                f"{folder} is not a working copy of this project: {error}"
            ) from None
        return cls(label, entry_point, [(folder / each).resolve() for each in folders])

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of `ingestor`, to be run with `environ`."""
        script = (
            f"import sys; from {self._module} import {self._app} as run; "
            "sys.argv[0] = 'ingestor'; sys.exit(run())"
        )
        # Without -P the current folder would be searched before PYTHONPATH.
        return [sys.executable, "-P", "-c", script, *arguments]

    def output(self, environ: Mapping[str, str], *arguments: str) -> str:
        """Run `ingestor` to its end and return its output.

        Raises:
            WrongResult: the command failed.
        """
        done = subprocess.run(
            self.command(*arguments),
            env={**environ, **self.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )
        if done.returncode:
            raise WrongResult(
                f"`ingestor {' '.join(arguments)}` of {self.label} ended with {done.returncode}: "
                f"{done.stderr.strip()}"
            )
        return done.stdout


def checkouts_of(against: Path | None) -> list[Checkout]:
    """Open the present working copy, and the one to compare it with, if there is one."""
    checkouts = [Checkout.open(THIS, _ROOT)]
    if against is not None:
        checkouts.append(Checkout.open(OTHER, against))
    return checkouts
