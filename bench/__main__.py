"""Every comparison with a peer, one process each, and at the end their RATIO lines together.

    python -m bench [--quick] [--write] [NAME ...]

A bench that fails, or whose outputs differ from its peer's, does not keep the others from running; the exit code is 1.
``--write`` puts what was printed into ``bench/RESULTS.md``, with the day and the machine.
"""

import argparse
import datetime
import importlib.util
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

RESULTS = Path(__file__).with_name("RESULTS.md")
NAMES = ("marginal", "contrast", "sampling", "scoring", "novelty", "retrieval", "tuning", "overhead")
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_int8")  # what products in low precision hang on


@dataclass(frozen=True)
class Ran:
    """One bench's output and exit code; ``code`` is None where there is no such bench yet."""

    name: str
    text: str
    code: int | None

    @property
    def ratios(self) -> list[str]:
        """Its RATIO lines, or the line that stands for them."""
        if self.code is None:
            return [f"{self.name}: there is no such bench yet, skipped"]
        found = [line for line in self.text.splitlines() if line.startswith("RATIO ")]
        failed = [f"{self.name}: failed with exit code {self.code}"] if self.code else []
        return [*found, *failed] or [f"{self.name}: no goal was measured"]


def machine() -> list[str]:
    """What the figures hang on."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            name, flags = (value if key == "model name" else name), (set(value.split()) if key == "flags" else flags)
    except OSError:
        pass
    has = ", ".join(f"{flag} {'yes' if flag in flags else 'no'}" for flag in FLAGS)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"processor: {name}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        f"flags: {has}",
        f"python {platform.python_version()}, torch {version('torch')}, transformers {version('transformers')}",
        f"load over the last 1, 5 and 15 minutes: {load}",
    ]


def run(name: str, quick: bool) -> Ran:
    """Run one bench and print what it prints, line by line."""
    if importlib.util.find_spec(f"bench.{name}") is None:
        return Ran(name, "", None)
    print(f"\n== {name}", flush=True)
    command = [sys.executable, "-u", "-m", f"bench.{name}", *(["--quick"] if quick else [])]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return Ran(name, "".join(lines), process.returncode)


def page(ran: list[Ran], about: list[str], quick: bool) -> str:
    """``RESULTS.md``."""
    form = "python -m bench --quick --write" if quick else "python -m bench --write"
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    ratios = [line for one in ran for line in one.ratios]
    parts = [
        f"# Results of the benches, {day}",
        f"Made by `{form}`; each comparison in one process, peers and selfspec in turn, outputs checked first.",
        "\n".join(f"- {line}" for line in about),
        "\n".join(["```text", *ratios, "```"]),
        *("\n".join([f"## {one.name}\n", "```text", one.text.rstrip(), "```"]) for one in ran if one.text),
    ]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="each bench's short form")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in NAMES]:
        parser.error(f"there is no bench {unknown[0]}: {', '.join(NAMES)}")
    about = machine()
    print(*about, sep="\n")
    ran = [run(name, options.quick) for name in options.names or NAMES]
    print("", *(line for one in ran for line in one.ratios), sep="\n")
    if options.write:
        RESULTS.write_text(page(ran, about, options.quick), encoding="utf-8")
        print(f"\nwritten: {RESULTS}")
    return int(any(one.code for one in ran))


if __name__ == "__main__":
    raise SystemExit(main())
