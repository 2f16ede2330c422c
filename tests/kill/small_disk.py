"""``selfspec run`` on a disk that is full, again and again, and on one that cannot be written.

A program of its own, as it must run where it may mount a disk (``unshare``; see ``test_disk``). Prints one JSON object:
what each run said, and the state at the end.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.kill import victim
from tests.kill.lab import execute, log
from tests.kill.state import state, torn

FIRST_KIB, GROWTH = 48, 1.35


def mount(options: str, target: Path, *more: str) -> None:
    subprocess.run(["mount", *more, "-o", options, "none", str(target)], check=True)


def run(folder: Path, iteration: int, step: str) -> tuple[int, str]:
    (folder / "log.txt").unlink(missing_ok=True)
    code = execute(folder, victim.run, iteration, step)
    lines = [line for line in log(folder).splitlines() if line.strip()]
    place = [n for n, line in enumerate(lines) if "SelfspecError" in line]
    return code, "\n".join(lines[place[-1] :]) if place else "\n".join(lines[-12:])


def main(folder: Path, iteration: int, step: str) -> None:
    warehouse = folder / "warehouse"
    warehouse.mkdir(exist_ok=True)
    size = float(FIRST_KIB)
    mount(f"size={FIRST_KIB}k", warehouse, "-t", "tmpfs")
    said, broken = [], []
    while True:
        code, message = run(folder, iteration, step)
        if code == 0:
            break
        said.append(message)
        broken += torn(folder)
        size *= GROWTH
        mount(f"remount,size={int(size)}k", warehouse)
    filled = state(folder)
    mount(f"remount,ro,size={int(size)}k", warehouse)
    entry = next(warehouse.glob("manifest/tiny/scores/*/*.json"))
    mount(f"remount,rw,size={int(size) * 4}k", warehouse)
    entry.unlink()
    mount("remount,ro", warehouse)
    read_only = run(folder, iteration, step)
    mount("remount,rw", warehouse)
    code, message = run(folder, iteration, step)
    print(
        json.dumps(
            {
                "said": said,
                "torn": broken,
                "filled": filled,
                "read_only": read_only,
                "after": [code, message],
                "state": state(folder),
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
