"""The Java that runs a broker."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from local.kafka.errors import UnavailableError

OLDEST = 17


def find_java() -> Path:
    """The `java` of JAVA_HOME, or else of PATH. Raises UnavailableError if it is missing or older than 17."""
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
    """The major version in what `java -version` writes: 17 of "17.0.2", 8 of "1.8.0_392"."""
    match = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(match[1]) if match else None
