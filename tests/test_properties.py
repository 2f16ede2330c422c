"""Properties that hold for any input: the parser of lists, the filters, the store, the signature."""

import copy
import json
import math
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from selfspec_assets.base.signature import signature, text_digest
from selfspec_assets.base.words import count_words
from selfspec_assets.method.instructions.list_parser import InstructionFilter, parse_instruction_list
from selfspec_assets.packs.records import parse_json
from selfspec_assets.warehouse import StepKey, Warehouse, read_only_query
from selfspec_assets.warehouse.rows import PassageRow, ResponseTokenRow, SeedRow

QUICK = settings(max_examples=60, deadline=None)

# The parser of lists


LINE = st.sampled_from(
    [
        "Name the gene.",
        "Input: TP53",
        "Input:",
        "Output: yes",
        "",
        "---",
        "5. Which cell is it?",
        "6) Sum up:",
        "a\tb",
        "é",
    ]
)
FIRST = st.sampled_from([4, 4, 4, 5, 5, 9])  # the item before one of those above, mostly
LISTS = st.lists(LINE | st.text(max_size=12), max_size=14).map("\n".join)


@QUICK
@given(text=LISTS, first=FIRST, hit_limit=st.booleans())
def test_the_limit_changes_the_last_item_alone(text: str, first: int, hit_limit: bool) -> None:
    """What was read before the output was cut off is as good as ever."""
    whole, cut = (parse_instruction_list(text, first, limit) for limit in (False, True))
    assert whole[:-1] == cut[:-1]
    assert cut[-1].problem == "truncated"
    assert (whole[-1].instruction, whole[-1].input) == (cut[-1].instruction, cut[-1].input)


@QUICK
@given(text=LISTS, first=FIRST)
def test_line_ends_and_white_space_at_them_do_not_count(text: str, first: int) -> None:
    plain = text.replace("\r", "")
    assert parse_instruction_list(plain.replace("\n", " \t\r\n"), first, False) == parse_instruction_list(
        plain, first, False
    )


@QUICK
@given(text=LISTS, first=FIRST)
def test_no_text_is_invented_and_none_is_given_twice(text: str, first: int) -> None:
    items = parse_instruction_list(text, first, False)
    letters = "".join(text.split())
    kept = "".join("".join(f"{item.instruction}{item.input}".split()) for item in items)
    assert len(kept) <= len(letters)
    rest = iter(letters)
    assert all(letter in rest for letter in kept), "letters come in the text's own order"


# The filters


WORD = st.text(alphabet="abcdefgxyzABC-+.é", min_size=1, max_size=8)


@QUICK
@given(
    words=st.lists(WORD, max_size=8), banned=st.lists(WORD, max_size=4), case=st.sampled_from([str.upper, str.lower])
)
def test_a_banned_word_is_found_in_any_case(words: list[str], banned: list[str], case: Any) -> None:
    asked = "Name the gene " + " ".join(words)
    assume(asked.isascii() and all(word.isascii() for word in banned))
    reason = InstructionFilter(banned).reason(case(asked), "")
    if {word.lower() for word in banned} & {word.lower() for word in asked.split()}:
        assert reason is not None
        assert reason.startswith("banned_word:")


@QUICK
@given(banned=st.lists(st.text(alphabet="abcXYZ", min_size=1, max_size=5), min_size=1, max_size=4))
def test_a_banned_word_within_another_is_not_found(banned: list[str]) -> None:
    within = [f"q{word}" for word in banned] + [f"{word}q" for word in banned] + [f"é{word}" for word in banned]
    assert InstructionFilter(banned).reason("Name the gene " + " ".join(within), "") is None


@QUICK
@given(
    instruction=st.text(max_size=40), given_input=st.text(max_size=20), fewest=st.integers(1, 4), more=st.integers(0, 9)
)
def test_the_filter_is_blind_to_white_space_around_and_bounded_by_words(
    instruction: str, given_input: str, fewest: int, more: int
) -> None:
    sieve = InstructionFilter([], fewest, fewest + more)
    reason = sieve.reason(instruction, given_input)
    assert sieve.reason(f" \n{instruction}\t ", given_input) == reason
    count = count_words(instruction)
    expected = (
        "empty" if not count else "too_short" if count < fewest else "too_long" if count > fewest + more else None
    )
    if expected is not None:
        assert reason == expected
    else:
        assert reason in (None, "not_ascii_start", "not_a_letter", "placeholder_input")


@QUICK
@given(words=st.lists(WORD, min_size=3, max_size=6), banned=st.lists(WORD, max_size=3), extra=WORD)
def test_banning_more_never_keeps_more(words: list[str], banned: list[str], extra: str) -> None:
    asked = "Name " + " ".join(words)
    if InstructionFilter(banned).reason(asked, "") is not None:
        assert InstructionFilter([*banned, extra]).reason(asked, "") is not None


# The store


TEXT = st.text(max_size=12) | st.sampled_from(["", "\x00", "NULL", "'\"", "a\nb\r\n", "😀 ‮"])
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
COLUMNS: dict[object, st.SearchStrategy[Any]] = {
    str: TEXT,
    float: NUMBER,
    int: st.integers(-(2**63), 2**63 - 1),
    list[float]: st.lists(NUMBER, max_size=3),
}


def rows_of(row_type: Any) -> st.SearchStrategy[list[Any]]:
    hints = get_type_hints(row_type)
    return st.lists(
        st.builds(row_type, **{field.name: COLUMNS[hints[field.name]] for field in fields(row_type)}), max_size=4
    )


@pytest.mark.parametrize("row_type", [SeedRow, PassageRow, ResponseTokenRow])
# A commit takes a tenth of a second, so a failure is shown as it was found and not made smaller by hundreds of them.
@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.from_regex(r"[a-z][a-z0-9_.-]{0,9}", fullmatch=True))
def test_what_is_committed_is_read_back_and_published(
    tmp_path_factory: pytest.TempPathFactory, row_type: Any, data: st.DataObject, name: str
) -> None:
    """Rows → Parquet → rows, and rows → Parquet → published database → SQL, both without a changed bit."""
    rows = data.draw(rows_of(row_type))
    warehouse = Warehouse(tmp_path_factory.mktemp("store") / "warehouse")
    key, sign = StepKey(name, "seeds", "botany", 0), text_digest("x")
    warehouse.commit(key, sign, {row_type: rows})
    assert repr(warehouse.read(sign, row_type)) == repr(rows)
    names, found = read_only_query(warehouse.database, f"FROM {row_type.table}")
    expected = [[getattr(row, column) for column in names[3:]] for row in rows]
    assert repr([list(values[3:]) for values in found]) == repr(expected)
    assert {values[:3] for values in found} <= {(name, "botany", 0)}


# The signature


LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | NUMBER | st.text(max_size=4)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def nearest(value: Any) -> list[Any]:
    """Values that a careless serialisation takes for this one."""
    if isinstance(value, bool):
        return [int(value), str(value).lower(), None, not value]
    if isinstance(value, int):
        return [float(value), str(value), bool(value), value + 1, [value]]
    if isinstance(value, float):
        return [
            math.nextafter(value, math.inf),
            math.nextafter(value, -math.inf),
            -value,
            repr(value),
            round(value, 12),
        ]
    if isinstance(value, str):
        return [f"{value} ", value.upper(), f"{value}\x00", [value], json.dumps(value), value[:-1], None]
    if isinstance(value, list):
        return [
            [*value, None],
            value[1:],
            value[::-1],
            [value],
            {str(n): inner for n, inner in enumerate(value)},
            str(value),
        ]
    if isinstance(value, dict):
        return [{**value, "": None}, {f"{key} ": inner for key, inner in value.items()}, list(value.items()), [value]]
    return ["null", "None", 0, False, "", [], {}]


def exact(value: Any) -> Any:
    """Equal only for values that must sign alike: Python holds 1, 1.0 and True equal, and 0.0 and -0.0."""
    if isinstance(value, list | tuple):
        return ("list", tuple(exact(inner) for inner in value))
    if isinstance(value, dict):
        return ("dict", frozenset((key, exact(inner)) for key, inner in value.items()))
    return (type(value).__name__, repr(value))


def sign(value: Any) -> str:
    return signature("step", "1", {"key": value}, {})


@settings(max_examples=120, deadline=None)
@given(value=VALUES, data=st.data())
@example(value=[1, 2], data=None)
@example(value={"a": {"b": 1}}, data=None)
def test_near_values_sign_differently(value: Any, data: st.DataObject | None) -> None:
    for near in nearest(value):
        assume(not isinstance(near, float) or math.isfinite(near))
        assert (sign(near) == sign(value)) == (exact(near) == exact(value)), (near, value)
    if data is not None and isinstance(value, list | dict) and value:
        changed = copy.deepcopy(value)
        place = data.draw(st.sampled_from(range(len(value)) if isinstance(value, list) else sorted(value)))
        for near in nearest(value[place]):
            assume(not isinstance(near, float) or math.isfinite(near))
            changed[place] = near
            assert (sign(changed) == sign(value)) == (exact(changed) == exact(value)), (changed, value)


@QUICK
@given(parts=st.lists(st.text(max_size=3), min_size=4, max_size=4), cut=st.integers(0, 3))
def test_no_part_of_a_signature_runs_into_the_next(parts: list[str], cut: int) -> None:
    step, version, name, digest = parts
    signed = signature(step, version, {"a": name}, {"b": digest})
    moved = [*parts]
    moved[cut], moved[(cut + 1) % 4] = parts[cut] + parts[(cut + 1) % 4], ""
    other = signature(moved[0], moved[1], {"a": moved[2]}, {"b": moved[3]})
    assert (other == signed) == (moved == parts)
    if name != digest:
        assert signature(step, version, {"a": digest}, {"b": name}) != signed


# JSON


@QUICK
@given(value=VALUES)
def test_json_that_was_written_is_read_back(value: Any) -> None:
    assert exact(parse_json(json.dumps(value))) == exact(value)
    assert exact(parse_json(json.dumps(value, ensure_ascii=False))) == exact(value)


@QUICK
@given(text=st.text(alphabet='{}[],:"\\ud8nNaIinfty0123456789.eE+- x', max_size=30))
def test_any_text_is_json_or_a_value_error(text: str) -> None:
    try:
        value = parse_json(text)
    except ValueError:
        return
    assert exact(parse_json(json.dumps(value, allow_nan=False))) == exact(value)
    json.dumps(value, ensure_ascii=False).encode()
