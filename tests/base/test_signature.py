import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfspec_assets.base.signature import canonical_json, file_digest, folder_digest, signature, text_digest

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
SETTINGS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def sign(settings: Mapping[str, object], step: str = "responses", version: str = "1", **inputs: str) -> str:
    return signature(step, version, settings, inputs)


def distinct(value: object) -> object:
    """Python's == holds 1, 1.0 and True equal (and 0.0 and -0.0); a signature must not."""
    if isinstance(value, list):
        return [distinct(item) for item in value]
    if isinstance(value, dict):
        return {key: distinct(item) for key, item in value.items()}
    return type(value), repr(value)


def reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return tuple(reversed_keys(item) for item in value) if isinstance(value, list) else value


@settings(deadline=None)
@given(SETTINGS, SETTINGS)
def test_two_settings_sign_alike_only_if_they_are_alike(one, other):
    assert (sign(one) == sign(other)) == (distinct(one) == distinct(other))


@settings(deadline=None)
@given(SETTINGS)
def test_order_of_keys_and_tuples_do_not_count(settings):
    assert sign(settings) == sign(reversed_keys(settings))


def test_near_values_differ():
    values = [1, 1.0, True, "1", "true", None, "null", [], {}, "", [1], [[1]], {"a": 1}, 0.1, 0.1 + 0.2, 0.3]
    assert len({sign({"a": value}) for value in values}) == len(values)


def test_every_part_counts_and_none_runs_into_the_next():
    signed = {
        sign({}),
        sign({"a": 1}),
        sign({}, step="scores"),
        sign({}, version="2"),
        sign({}, seeds="x"),
        sign({}, seeds="y"),
        sign({}, corpus="x"),
        signature("a", "b", {}, {}),
        signature("ab", "", {}, {}),
    }
    assert len(signed) == 9


def test_known_value_so_that_revisions_survive_a_refactoring():
    document = '{"code_version":"1","inputs":{"seeds":"ab"},"settings":{"k":[5,0.1,null,"\\u00e9"]},"step":"responses"}'
    assert sign({"k": (5, 0.1, None, "é")}, seeds="ab") == text_digest(document)
    assert text_digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("value", [{1, 2}, b"x", Path("x"), 1j, object(), {1: "a"}, {("a",): 1}, {None: 1}])
def test_unsupported_types_are_refused(value):
    with pytest.raises(TypeError, match=r"settings\.deep\[0\]"):
        sign({"deep": [value]})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_floats_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match=r"settings\.alpha"):
        sign({"alpha": value})


def test_an_input_must_be_a_digest():
    with pytest.raises(TypeError, match="seeds"):
        signature("responses", "1", {}, {"seeds": 3})


def test_canonical_json_is_json():
    assert json.loads(canonical_json({"b": [1, 2.5], "a": "é\ud800"})) == {"a": "é\ud800", "b": [1, 2.5]}


def fill(folder: Path, files: Mapping[str, str], order: int = 1) -> Path:
    for name in list(files)[::order]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(files[name])
    return folder


def test_folder_digest_is_names_and_contents_only(tmp_path):
    files = {"b.txt": "2", "a/c.txt": "1", "a.txt": "3"}
    one = fill(tmp_path / "one", files)
    other = fill(tmp_path / "other", files, order=-1)
    (other / "empty").mkdir()
    os.utime(other / "b.txt", (1, 1))
    (other / "a.txt").chmod(0o600)
    assert folder_digest(one) == folder_digest(other)


@pytest.mark.parametrize(
    "files",
    [
        {"b.txt": "2", "a/c.txt": "9"},
        {"b.txt": "2", "a/d.txt": "1"},
        {"b.txt": "2"},
        {"b.txt": "1", "a/c.txt": "2"},
        {"b.txt": "2", "c.txt": "1"},
        {"b.txt": "2", "a/c.txt": "1", "new": ""},
        {},
    ],
)
def test_folder_digest_changes_with_names_and_contents(tmp_path, files):
    one = fill(tmp_path / "one", {"b.txt": "2", "a/c.txt": "1"})
    (tmp_path / "other").mkdir()
    assert folder_digest(one) != folder_digest(fill(tmp_path / "other", files))


def test_a_missing_folder_is_not_an_empty_one(tmp_path):
    with pytest.raises(NotADirectoryError, match="nowhere"):
        folder_digest(tmp_path / "nowhere")


def test_file_digest_reads_the_whole_file(tmp_path):
    path = tmp_path / "big"
    path.write_bytes(b"a" * (1 << 20) + b"b")
    whole = file_digest(path)
    path.write_bytes(b"a" * (1 << 20) + b"c")
    assert file_digest(path) != whole
    path.write_bytes("é".encode())
    assert file_digest(path) == text_digest("é")
