"""Benchmarks in hub datasets: addresses with a commit, the hub's own cache, and Parquet; the hub is a local server."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.signature import file_digest
from selfspec_assets.cli.app import app
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import load_pack
from selfspec_assets.packs.readers import hub
from selfspec_assets.packs.readers.parquet import parquet
from selfspec_assets.packs.records import Item
from tests.conftest import Project

RUN = CliRunner()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ADDRESS = f"hf://datasets/garden/roots@{COMMIT}/data/test.parquet"
ROWS = [
    {"plant": "fern", "part": "root", "colour": 1, "all": ["brown", "dark brown"]},
    {"plant": "oak", "part": "leaf", "colour": 0, "all": ["green"]},
]
HUB_BENCHMARK = {
    "name": "roots",
    "task": "colour",
    "instruction": "Name the colour.",
    "file": ADDRESS,
    "reader": "parquet",
    "options": {"input": "The {part} of the {plant}", "answer": "all"},
    "licence": "CC0",
    "obtain": "https://huggingface.co/datasets/garden/roots",
}


def write_parquet(path: Path, rows: list[dict[str, Any]], classes: dict[str, list[str]] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in (classes or {}).items()}
    about = {"huggingface": json.dumps({"info": {"features": features}})} if classes else None
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata(about), path)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "_refused", {})
    return tmp_path / "hub" / "datasets--garden--roots" / "snapshots" / COMMIT / "data" / "test.parquet"


@pytest.fixture
def garden(project: Project) -> Project:
    """The pack with a benchmark of the hub beside its own."""
    project.pack["published"]["benchmarks"].append(dict(HUB_BENCHMARK))
    project.recipe["scores"]["shots"] = [0]
    project.save()
    return project


def roots(project: Project) -> list[Item]:
    pack = load_pack("botany")
    return load_items(pack, pack.data("published").benchmarks[-1], "published")


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "hf://datasets/garden/roots/data/test.parquet",
        "hf://datasets/garden/roots@main/data/test.parquet",
        "hf://datasets/garden/roots@refs%2Fconvert%2Fparquet/test.parquet",
        f"hf://datasets/garden/roots@{COMMIT[:-1]}/test.parquet",
        f"hf://datasets/garden/roots@{COMMIT.upper()}/test.parquet",
        f"hf://datasets/garden/roots@{COMMIT}",
        f"hf://garden/roots@{COMMIT}/test.parquet",
    ],
    ids=["no revision", "a branch", "a reference", "39 digits", "capitals", "no file", "a model"],
)
@pytest.mark.parametrize("key", ["file", "also", "train"])
def test_what_is_not_pinned_is_refused_with_its_line(garden: Project, address: str, key: str) -> None:
    garden.pack["published"]["benchmarks"][-1][key] = [address] if key == "also" else address
    garden.save()
    with pytest.raises(SelfspecError, match="no file at a pinned revision") as caught:
        load_pack("botany")
    assert key in caught.value.reason
    line = int(caught.value.place.rpartition(":")[2])
    text = (garden.folder / "domains/botany/domain.yaml").read_text().split("\n")
    assert text[line - 1].strip(" -").startswith((f"{key}:", "hf:"))


def test_bundled_data_lies_in_the_pack(garden: Project) -> None:
    garden.pack["bundled"] = garden.pack.pop("published")
    garden.save()
    with pytest.raises(SelfspecError, match="'roots' lies in a hub dataset"):
        load_pack("botany")


# The cache and the hub


def test_a_cached_file_is_read_without_a_network(garden: Project, cache: Path) -> None:
    write_parquet(cache, ROWS)
    assert roots(garden) == [
        Item("row-0", "The root of the fern", ("brown", "dark brown")),
        Item("row-1", "The leaf of the oak", ("green",)),
    ]
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    assert "benchmark roots: 2 items" in done.stdout


def asked_again(*_: object, **__: object) -> None:
    raise AssertionError("asked again")


def test_without_file_and_network_the_benchmark_is_left_out_by_name(
    garden: Project, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 0, done.stderr
    line = next(line for line in done.stdout.split("\n") if "roots" in line)
    for text in ("LEFT OUT", ADDRESS, "the hub did not give it", "huggingface.co/datasets/garden/roots (licence: CC0)"):
        assert text in line, text
    assert "benchmark colours: 10 items" in done.stdout
    every = RUN.invoke(app, ["check", "--domain", "botany"])
    assert every.exit_code == 0
    assert "benchmark roots: ABSENT" in every.stdout
    garden.pack["published"]["benchmarks"][-1].pop("obtain")
    garden.save()
    monkeypatch.setattr("huggingface_hub.hf_hub_download", asked_again)
    fetched = f"hf download garden/roots data/test.parquet --repo-type dataset --revision {COMMIT}"
    again = RUN.invoke(app, ["check", "tiny"]).stdout
    assert fetched in again
    assert "asked again" not in again  # finding out that there is no network takes half a minute


class Hub(ThreadingHTTPServer):
    """Serves one file of one dataset at one commit, the way the hub does."""

    def __init__(self, path: Path) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), self.handler(path))

    def handler(self, path: Path) -> type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(body=False)

            def do_GET(self) -> None:
                self.answer(body=True)

            def answer(self, body: bool) -> None:
                served.asked.append(f"{self.command} {self.path}")
                known = self.path == f"/datasets/garden/roots/resolve/{COMMIT}/data/test.parquet"
                self.send_response(200 if known else 404)
                self.send_header("X-Repo-Commit", COMMIT)
                content = path.read_bytes() if known else b""
                if known:
                    self.send_header("ETag", f'"{file_digest(path)}"')
                else:
                    self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def server(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    served = Hub(write_parquet(tmp_path / "served.parquet", ROWS))
    thread = Thread(target=served.serve_forever, daemon=True)
    thread.start()
    pattern = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(
        constants.ENDPOINT, f"http://127.0.0.1:{served.server_port}"
    )
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield served
    served.shutdown()
    served.server_close()


def test_a_file_is_fetched_once_at_its_commit(garden: Project, cache: Path, server: Hub) -> None:
    assert len(roots(garden)) == 2
    assert cache.is_file()
    asked = list(server.asked)
    assert any(line.startswith("GET") for line in asked)
    assert all(COMMIT in line for line in asked)
    assert len(roots(garden)) == 2
    assert server.asked == asked


def test_a_file_that_the_dataset_lacks_is_an_error_and_not_left_out(garden: Project, cache: Path, server: Hub) -> None:
    garden.pack["published"]["benchmarks"][-1]["file"] = ADDRESS.replace("test", "tset")
    garden.save()
    done = RUN.invoke(app, ["check", "tiny"])
    assert done.exit_code == 1
    assert "tset.parquet: the hub has no such file" in done.stderr


# Parquet


def read(path: Path, **options: Any) -> list[Item]:
    return list(parquet(path, **{"input": "{plant}", "answer": "colour", **options}))


def test_classes_numbers_and_records(tmp_path: Path) -> None:
    named = write_parquet(tmp_path / "a.parquet", ROWS, {"colour": ["green", "brown"]})
    assert [item.references for item in read(named)] == [("brown",), ("green",)]
    assert [item.references for item in read(named, labels={"brown": "dark", "green": "light"})] == [
        ("dark",),
        ("light",),
    ]
    plain = write_parquet(tmp_path / "b.parquet", ROWS)
    assert [item.references for item in read(plain, labels={"0": "green", "1": "brown"})] == [("brown",), ("green",)]
    record = write_parquet(tmp_path / "c.parquet", [{"plant": "fern", "answers": {"text": ["a", "b"]}, "key": 7}])
    assert read(record, answer="answers.text", id="key") == [Item("7", "fern", ("a", "b"))]


def test_rows_are_numbered_through_all_batches(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", [{"plant": f"p{i}", "colour": "red"} for i in range(2500)])
    items = read(path)
    assert [items[i] for i in (0, 1024, 2499)] == [Item(f"row-{i}", f"p{i}", ("red",)) for i in (0, 1024, 2499)]


@pytest.mark.parametrize(
    ("rows", "options", "place", "reason"),
    [
        (ROWS, {"answer": "color"}, "a.parquet", "has no column 'color'; it has: plant, part, colour, all"),
        (ROWS, {"input": "{plant} {age}"}, "a.parquet", "has no column 'age'"),
        (ROWS, {"answer": "plant.name"}, "a.parquet: row 0", "has no field 'plant.name'"),
        (ROWS, {"labels": {"0": "green"}}, "a.parquet: row 0", "unknown label '1'"),
        ([{**ROWS[0], "plant": None}, ROWS[1]], {}, "a.parquet: row 0", "field 'plant' is empty"),
        ([ROWS[1], {**ROWS[0], "plant": " "}], {}, "a.parquet: row 1", "field 'plant' is empty"),
        ([{**ROWS[0], "all": []}, ROWS[1]], {"answer": "all"}, "a.parquet: row 0", "holds no answer"),
        (ROWS, {"input": "{all}"}, "a.parquet: row 0", "field 'all' is not text but list"),
    ],
)
def test_a_bad_row_is_named(
    rows: list[dict[str, Any]], options: dict[str, Any], place: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(SelfspecError) as caught:
        read(write_parquet(tmp_path / "a.parquet", rows), **options)
    assert caught.value.place.endswith(place)
    assert reason in caught.value.reason


def test_a_file_that_is_cut_empty_or_no_parquet_is_named(tmp_path: Path) -> None:
    whole = write_parquet(tmp_path / "a.parquet", ROWS)
    whole.write_bytes(whole.read_bytes()[:-20])
    text = tmp_path / "b.parquet"
    text.write_text('{"plant": "fern"}\n')
    for path in (whole, text, tmp_path / "missing.parquet"):
        with pytest.raises(SelfspecError, match="cannot be read as Parquet") as caught:
            read(path)
        assert caught.value.place == str(path)
    none = tmp_path / "c.parquet"
    pq.write_table(pa.table({"plant": pa.array([], pa.string()), "colour": pa.array([], pa.string())}), none)
    with pytest.raises(SelfspecError, match="has no rows"):
        read(none)
