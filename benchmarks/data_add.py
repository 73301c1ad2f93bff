"""How long `retread data add` takes for 20,000 images of 10 kB, and again after 1 % changed.

    python benchmarks/data_add.py [--images 20000] [--repeat 3]

The whole command is timed, from the start of the process. With `dvc` on the path, the same
folder is added to DVC (`dvc add` and `git commit`), in turns, and the ratio is printed. Exit 1
when the first add of 20,000 takes longer than it may.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

FIRST_ADD_BAR_S = 4.0

_SIDE = 192
_CLASSES = ("defective", "good")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        first_s = measure(Path(folder), arguments.images, arguments.repeat)
    met = first_s <= FIRST_ADD_BAR_S * arguments.images / 20_000
    print(f"first add <= {FIRST_ADD_BAR_S} s for 20,000: {met}")
    return 0 if met else 1


def measure(folder: Path, images: int, repeat: int) -> float:
    """Print what it took; the median seconds of our first add."""
    source = folder / "source"
    generate(source, range(images))
    size = sum(path.stat().st_size for path in source.rglob("*.jpg")) / images
    print(f"{images} images, {size / 1000:.1f} kB each")
    tools: dict[str, Callable[[Path, Path], None]] = {"retread": retread_add}
    if shutil.which("dvc"):
        tools["dvc"] = dvc_add
    seconds: dict[tuple[str, str], list[float]] = {}
    for turn in range(repeat):
        for tool, add in tools.items():
            project = folder / f"{tool}-{turn}"
            project.mkdir()
            place = project / "source" if tool == "dvc" else source
            if tool == "dvc":
                shutil.copytree(source, place)
            for step in ("first", "1 % changed", "nothing changed"):
                if step == "1 % changed":
                    generate(place, range(0, images, 100), seed=turn + 1)
                started = time.perf_counter()
                add(project, place)
                seconds.setdefault((tool, step), []).append(time.perf_counter() - started)
    for (tool, step), times in seconds.items():
        print(f"{tool:8} {step:16} {statistics.median(times):6.2f} s  (of {times})")
    for step in ("first", "1 % changed", "nothing changed"):
        if "dvc" in tools:
            ours, theirs = (statistics.median(seconds[t, step]) for t in ("retread", "dvc"))
            print(f"ratio    {step:16} {theirs / ours:6.2f}")
    return statistics.median(seconds["retread", "first"])


def generate(source: Path, numbers: range, seed: int = 0) -> None:
    """Photos of noise on clouds, half of them in each class folder."""
    for name in _CLASSES:
        (source / name).mkdir(parents=True, exist_ok=True)

    def write(number: int) -> None:
        random = np.random.default_rng([seed, number])
        clouds = random.integers(0, 256, (_SIDE // 8, _SIDE // 8, 3), dtype=np.uint8)
        image = Image.fromarray(clouds).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        noise = random.integers(-12, 13, (_SIDE, _SIDE, 1))
        pixels = np.clip(np.asarray(image).astype(np.int16) + noise, 0, 255).astype(np.uint8)
        path = source / _CLASSES[number % 2] / f"{number:06}.jpg"
        Image.fromarray(pixels).save(path, quality=75)

    with ThreadPoolExecutor() as pool:
        list(pool.map(write, numbers))


def retread_add(project: Path, source: Path) -> None:
    (project / "retread.toml").touch()
    _run(project, str(Path(sys.executable).with_name("retread")), "data", "add", "it", str(source))


def dvc_add(project: Path, source: Path) -> None:
    if not (project / ".git").exists():
        _run(project, "git", "init", "-q")
        _run(project, "dvc", "init", "-q")
    _run(project, "dvc", "add", "-q", source.name)
    _run(project, "git", "add", "-A")
    identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
    _run(project, "git", *identity, "commit", "-q", "--allow-empty", "-m", "data")


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
