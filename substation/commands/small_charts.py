"""Fetches a third of plotly.js at set-up: the part that draws lines and areas, 0.5 MB on the wire for 1.5.

Only where npm is on the machine, and never anything that was not pinned here. Without it, without internet,
or with any trouble the station starts as it would have and serves the file that plotly brought along: slower
for a first visitor, the same to look at. The dashboard proves the file once more before it serves it
(`dashboard.bundles`); nothing of it is in this project.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from substation.commands.usage import say

PACKAGE = "plotly.js-cartesian-dist-min"
VERSION = "4.1.1"
"""That of plotly's own file, which stands at its head: another one would draw other things."""
INTEGRITY = "o8GrFeusncwBIxbBynRJpY4pkgVB6caM+JLpwrLYbbsO7dZ8FJ+SVN2Fr+L7kiG/Z6w4P5O0Jus/Qr5EefHVeg=="
"""SHA-512 of the package, as npm writes it."""
MEMBER = "package/plotly-cartesian.min.js"
PLACE = "share/substation/plotly-cartesian.min.js"
"""In the environment."""
LONGEST_S = 60.0
MOST_BYTES = 16_000_000


def fetch(venv: Path) -> None:
    """Put the file into an environment that has just been made, where that can be done. Never fails."""
    npm = shutil.which("npm")
    if npm is None or not _is_for_us(venv):
        return
    say("Fetching the small file of charts with npm ...")
    try:
        with tempfile.TemporaryDirectory() as folder:
            _put(_packed(npm, Path(folder)), venv / PLACE)
    except (OSError, subprocess.SubprocessError, tarfile.TarError, KeyError, ValueError) as exc:
        reason = str(exc).partition("\n")[0][:200]
        say(f"  not this time ({reason}); the charts come with the larger file")


def _is_for_us(venv: Path) -> bool:
    """Return whether the environment's plotly draws with the version that is pinned here."""
    for path in venv.glob("lib/python3*/site-packages/plotly/package_data/plotly.min.js"):
        with path.open("rb") as file:
            return f"plotly.js v{VERSION}\n".encode() in file.read(200)
    return False


def _packed(npm: str, folder: Path) -> Path:
    command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--silent"]
    command += ["--fetch-retries=0", "--fetch-timeout=20000", "--pack-destination", str(folder)]
    environment = {**os.environ, "NO_UPDATE_NOTIFIER": "1"}
    subprocess.run(
        command,
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        cwd=folder,
        env=environment,
    )
    found = list(folder.glob("*.tgz"))
    if len(found) != 1:
        raise ValueError(f"npm made {len(found)} files")
    return found[0]


def _put(packed: Path, place: Path) -> None:
    """Prove the package and take its one file out. Raises ValueError where it is not the pinned one."""
    data = packed.read_bytes()
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != INTEGRITY:
        raise ValueError("npm brought something else than what is pinned")
    with tarfile.open(packed) as archive:
        member = archive.extractfile(MEMBER)
        if member is None:
            raise ValueError(f"no file {MEMBER} in it")
        content = member.read(MOST_BYTES)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(0o644)
