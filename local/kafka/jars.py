"""Java, and the jars of a product, which Maven fetches once into a cache.

A cache folder is complete when its MANIFEST agrees with the jars in it. The manifest is written
last, and the folder gets its final name only then, so neither an interrupted resolve nor a lost jar
ever counts.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from local.kafka.errors import UnavailableError

OLDEST = 17


def find_java() -> Path:
    """Find the `java` of JAVA_HOME, or else of PATH.

    Raises:
        UnavailableError: it is missing or older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home, "bin")) if home else None)
    if java is None:
        where = f"JAVA_HOME={home}" if home else "PATH"
        raise UnavailableError(f"No java in {where}: install a JDK {OLDEST} or later.")
    answer = subprocess.run(
        [java, "-version"], capture_output=True, text=True, check=False, timeout=30
    )
    version = major_version(answer.stderr)
    if version is None or version < OLDEST:
        found = f"is version {version}" if version else "names no version"
        raise UnavailableError(f"{java} {found}: install a JDK {OLDEST} or later.")
    return Path(java)


def major_version(banner: str) -> int | None:
    """Parse the major version of `java -version`: 17 of "17.0.2", 8 of "1.8.0_392"."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match[1]) if match else None


_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_MANIFEST = "MANIFEST"
_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class Product:
    """A product that runs on jars.

    Args:
        name: of the product.
        version: passed to the POM as `product.version`.
        pom: names the jars.
    """

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


def find_jars(product: Product) -> Path:
    """Return the folder of a product's jars; fetch them first if they are missing.

    Raises:
        UnavailableError: Maven cannot fetch them.
    """
    fill(product.cache, lambda folder: resolve(product, folder))
    return product.cache


def is_complete(cache: Path) -> bool:
    """Whether every jar of the manifest exists with its recorded size."""
    try:
        lines = (cache / _MANIFEST).read_text().splitlines()
        entries = [line.rsplit(" ", 1) for line in lines]
        return bool(entries) and all(
            (cache / name).stat().st_size == int(size) for name, size in entries
        )
    except (OSError, ValueError):
        return False


def fill(cache: Path, resolve: Callable[[Path], None]) -> None:
    """Fill a cache that is not complete.

    `resolve` writes into a temporary folder, which is renamed once it is whole.

    One process at a time does so; the others wait for its result.
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
    """Let Maven copy a product's jars into a folder.

    Raises:
        UnavailableError: Maven is missing or failed; the message quotes Maven.
    """
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
                timeout=_TIMEOUT_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(
                f"Maven did not fetch {product} in {_TIMEOUT_SECONDS:.0f} s."
            ) from error
    if answer.returncode:
        first = next(
            (line for line in answer.stdout.splitlines() if "ERROR" in line), "it gave no reason."
        )
        raise UnavailableError(f"Maven could not fetch {product}: {first}")
