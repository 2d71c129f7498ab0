"""A product's own jars, fetched once by Maven and kept for every later run.

A cache folder is complete when its MANIFEST agrees with the jars beside it. The manifest is written last, and
the folder gets its name only then, so neither a resolve that was killed nor a jar that was lost ever counts.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from local.kafka.errors import UnavailableError

_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_MANIFEST = "MANIFEST"
_PATIENCE = 600.0


@dataclass(frozen=True)
class Product:
    """What runs on jars: `pom` names them, and takes the version as `product.version`."""

    name: str
    version: str
    pom: Traversable

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def cache(self) -> Path:
        """The folder of this version in the user's cache."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base, "classwaves-ingestor", f"{self.name.lower()}-{self.version}")


KAFKA = Product("Kafka", "4.1.1", files("local.kafka") / "pom.xml")


def jars(product: Product) -> Path:
    """The folder of a product's jars, resolved first if need be. Raises UnavailableError if that is impossible."""
    fill(product.cache, lambda folder: resolve(product, folder))
    return product.cache


def is_complete(cache: Path) -> bool:
    """Whether every jar that the manifest names is there in its size."""
    try:
        lines = (cache / _MANIFEST).read_text().splitlines()
        entries = [line.rsplit(" ", 1) for line in lines]
        return bool(entries) and all(
            (cache / name).stat().st_size == int(size) for name, size in entries
        )
    except (OSError, ValueError):
        return False


def fill(cache: Path, resolve: Callable[[Path], None]) -> None:
    """Unless the cache is complete, resolve into a folder beside it, which gets its name when it is whole.

    Only one process at a time does so; the others wait, and find it done.
    """
    if is_complete(cache):
        return
    cache.parent.mkdir(parents=True, exist_ok=True)
    with cache.with_name(f"{cache.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_complete(cache):
            return
        partial = cache.with_name(f"{cache.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        resolve(partial)
        found = sorted(partial.glob("*.jar"))
        (partial / _MANIFEST).write_text(
            "".join(f"{jar.name} {jar.stat().st_size}\n" for jar in found)
        )
        shutil.rmtree(cache, ignore_errors=True)
        partial.rename(cache)


def resolve(product: Product, folder: Path) -> None:
    """Have Maven copy a product's jars into a folder. Raises UnavailableError with Maven's own words."""
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(f"No mvn in PATH to fetch {product} with: install Maven.")
    with as_file(product.pom) as pom:
        command = [
            maven,
            "--batch-mode",
            "--no-transfer-progress",
            "--quiet",
            "--strict-checksums",
            f"--file={pom}",
        ]
        options = [
            f"-Dproduct.version={product.version}",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={folder}",
        ]
        try:
            answer = subprocess.run(
                [*command, _COPY, *options],
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(
                f"Maven did not fetch {product} in {_PATIENCE:.0f} s."
            ) from error
    if answer.returncode:
        first = next(
            (line for line in answer.stdout.splitlines() if "ERROR" in line), "it gave no reason."
        )
        raise UnavailableError(f"Maven could not fetch {product}: {first}")
