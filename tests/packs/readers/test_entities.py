"""Named entities from tagged tokens, in lines and in lists, and from BRAT's annotations."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.bound_reader import bound_reader
from selfspec_assets.packs.records import Item, Remark
from tests.published_data import published_file

TYPES = {"PER": "Person", "LOC": "Place"}
ANSWER = "Ada Byron King <Person>, Ada <Person>, Oslo <Place>"
WORDS = ["Ada", "Byron", "King", "Ada", "met", "Oslo"]
IOB2 = ["B-PER", "I-PER", "I-PER", "B-PER", "O", "B-LOC"]
SCHEMES = {
    "IOB2": IOB2,
    "IOBES": ["B-PER", "I-PER", "E-PER", "S-PER", "O", "S-LOC"],
    "BILOU": ["B-PER", "I-PER", "L-PER", "U-PER", "O", "U-LOC"],
}


def read(folder: Path, content: str, reader: str = "iob", **options: Any) -> list[Item | Remark]:
    (folder / "file").write_text(content)
    return list(bound_reader(folder, reader, {"types": TYPES, **options})(folder / "file"))


def lines(tags: list[str], between: str = "\t") -> str:
    return "".join(f"{word}{between}{tag}\n" for word, tag in zip(WORDS, tags, strict=True))


def answers(found: list[Item | Remark]) -> list[str]:
    return [item.references[0] for item in found if isinstance(item, Item)]


# Lines


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("begin", ["always", "between"])
def test_every_scheme_of_tags_gives_the_same_entities(tmp_path: Path, scheme: str, begin: str) -> None:
    found = read(tmp_path, lines(SCHEMES[scheme]), begin=begin)
    assert found == [Item("line-1", "Ada Byron King Ada met Oslo", (ANSWER,))]


@pytest.mark.parametrize(("tags", "place", "reason"), [
    (["S-PER", "I-PER"], ":2", "tag 'I-PER' continues nothing, it follows 'S-PER'"),
    (["B-PER", "E-PER", "I-PER"], ":3", "tag 'I-PER' continues nothing, it follows 'E-PER'"),
    (["O", "E-PER"], ":2", "tag 'E-PER' continues nothing, it follows 'O'"),
    (["B-PER", "E-LOC"], ":2", "tag 'E-LOC' continues nothing, it follows 'B-PER'"),
    (["X-PER"], ":1", "unknown tag 'X-PER'"), (["BPER"], ":1", "unknown tag 'BPER'"), (["B"], ":1", "unknown tag 'B'"),
    ([], "", "the file is empty"),
])  # fmt: skip
def test_tags_that_fit_no_scheme_are_named(tmp_path: Path, tags: list[str], place: str, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, "".join(f"w\t{tag}\n" for tag in tags))
    assert caught.value.reason == reason
    assert caught.value.place == f"{tmp_path / 'file'}{place}"


def test_an_ignored_type_ends_an_entity_in_every_scheme(tmp_path: Path) -> None:
    found = read(tmp_path, lines(["B-PER", "E-PER", "S-MISC", "O", "O", "S-LOC"]), ignored=["MISC"])
    assert answers(found) == ["Ada Byron <Person>, Oslo <Place>"]


def test_comments_stand_anywhere_and_a_token_may_begin_like_one(tmp_path: Path) -> None:
    text = "# id 1\n# two\nAda\tB-PER\n# id is no end\nKing\tI-PER\n#\tO\n\n# id 2\nOslo\tB-LOC\n"
    found = read(tmp_path, text, comment="# ")
    assert found == [Item("line-3", "Ada King #", ("Ada King <Person>",)), Item("line-9", "Oslo", ("Oslo <Place>",))]
    with pytest.raises(SelfspecError, match="filled columns"):
        read(tmp_path, text)


def test_columns_may_be_aligned_with_spaces(tmp_path: Path) -> None:
    aligned = "".join(f"{word:<9} NN  {tag} \n" for word, tag in zip(WORDS, IOB2, strict=True))
    assert answers(read(tmp_path, aligned, separator=" ", columns=3)) == [ANSWER]
    with pytest.raises(SelfspecError, match="has 2 filled columns of 2, not 3") as caught:
        read(tmp_path, lines(IOB2, "   "), separator=" ", columns=3)
    assert caught.value.remedy == "separate the columns by spaces"
    with pytest.raises(SelfspecError, match="has 2 filled columns of 3, not 3"):
        read(tmp_path, lines(IOB2, "\t\t"), columns=3)  # between tabs a column may be missing


def test_a_line_of_spaces_ends_a_sentence(tmp_path: Path) -> None:
    found = read(tmp_path, "Ada\tB-PER\n \t \nOslo\tB-LOC\n")
    assert [item.item_id for item in found if isinstance(item, Item)] == ["line-1", "line-3"]


# Lists


NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
NUMBERS = [NAMES.index(tag) for tag in IOB2]
FIELDS = {"tokens": "words", "tags": "ner"}


def parquet(path: Path, rows: list[dict[str, Any]], feature: Any) -> Path:
    """As ``datasets`` writes it: what the numbers mean stands beside the columns."""
    table = pyarrow.Table.from_pylist(rows)
    features = {"words": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"}, "ner": feature}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(told), path)
    return path


CLASS = {"names": NAMES, "_type": "ClassLabel"}


@pytest.mark.parametrize("feature", [
    {"feature": CLASS, "_type": "List"}, {"feature": CLASS, "length": -1, "_type": "Sequence"}, [CLASS],
])  # fmt: skip
def test_lists_of_a_hub_dataset_know_their_tags(tmp_path: Path, feature: Any) -> None:
    path = parquet(tmp_path / "a.parquet", [{"words": WORDS, "ner": NUMBERS}], feature)
    found = list(bound_reader(tmp_path, "iob", {"types": TYPES, **FIELDS})(path))
    assert found == [Item("row-0", "Ada Byron King Ada met Oslo", (ANSWER,))]


def test_lists_of_json_lines_have_them_named_by_the_pack(tmp_path: Path) -> None:
    as_numbers, as_texts = ({"words": WORDS, "ner": tags} for tags in (NUMBERS, IOB2))
    text = "\n".join(map(json.dumps, (as_numbers, as_texts, {"words": [], "ner": []})))
    assert answers(read(tmp_path, text, **FIELDS, tag_names=NAMES)) == [ANSWER, ANSWER]
    with pytest.raises(SelfspecError, match="tag 1 has no name") as caught:
        read(tmp_path, text, **FIELDS)
    assert caught.value.place == f"{tmp_path / 'file'}:1, token 0"
    assert "'tag_names'" in caught.value.remedy


@pytest.mark.parametrize("record", [
    {"words": WORDS, "ner": NUMBERS[1:]}, {"words": ["Ada", " "], "ner": [1, 0]},
])  # fmt: skip
def test_a_sentence_whose_lists_do_not_fit_is_left_out(tmp_path: Path, record: dict[str, Any]) -> None:
    (found,) = read(tmp_path, json.dumps(record), **FIELDS, tag_names=NAMES)
    assert isinstance(found, Remark)
    assert (found.place, found.drops) == (f"{tmp_path / 'file'}:1", True)


@pytest.mark.parametrize(("record", "options", "reason"), [
    ({"words": "Ada", "ner": [1]}, FIELDS, "field 'words' is not a list of texts"),
    ({"words": ["Ada"], "ner": "O"}, FIELDS, "field 'ner' is not a list of tags"),
    ({"words": ["Ada"], "tags": ["O"]}, FIELDS, "has no field 'ner'"),
    ({"words": ["Ada"], "ner": ["O"]}, {"tokens": "words"}, "has one of the options 'tokens' and 'tags'"),
    ({"words": ["Ada"], "ner": ["O", ]}, {"tags": "ner"}, "has one of the options 'tokens' and 'tags'"),
])  # fmt: skip
def test_what_is_no_pair_of_lists_is_an_error(
    tmp_path: Path, record: dict[str, Any], options: dict[str, str], reason: str
) -> None:
    with pytest.raises(SelfspecError) as caught:
        read(tmp_path, json.dumps(record), **options)
    assert reason in caught.value.reason


# BRAT


TEXT = "Ada Byron met Oslo's king.\n\nShe saw Rome, and Byron of Oslo.\n"


def entity(number: int, kind: str, words: str, *spans: tuple[int, int]) -> str:
    return f"T{number}\t{kind} {';'.join(f'{start} {end}' for start, end in spans)}\t{words}\n"


ENTITIES = (
    entity(4, "LOC", "Rome", (36, 40))
    + entity(1, "PER", "Ada Byron", (0, 9))
    + entity(2, "LOC", "Oslo", (14, 18))
    + entity(3, "PER", "Oslo's king", (14, 25))
    + entity(5, "PER", "Byron Oslo", (46, 51), (55, 59))
    + "R1\tMet Arg1:T1 Arg2:T3\n#1\tAnnotatorNotes T1\ta note\nA1\tSure T1\n"
)


def brat(folder: Path, text: str = TEXT, entities: str = ENTITIES, **options: Any) -> list[Item]:
    for name, content in (
        ("one.txt", text),
        ("one.ann", entities),
        ("deep/two.txt", "No one.\n"),
        ("deep/two.ann", ""),
    ):
        (folder / "brat" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "brat" / name).write_text(content, newline="")
    return list(bound_reader(folder, "brat", {"types": TYPES, **options})(folder / "brat"))  # type: ignore[arg-type]


FIRST = "Ada Byron <Person>, Oslo's king <Person>, Oslo <Place>"
SECOND = "Rome <Place>, Byron Oslo <Person>"


def test_brat_lists_entities_in_the_order_of_the_text(tmp_path: Path) -> None:
    found = brat(tmp_path)
    assert found == [
        Item("one:1", "Ada Byron met Oslo's king.", (FIRST,)),
        Item("one:3", "She saw Rome, and Byron of Oslo.", (SECOND,)),
    ]
    assert {item.document for item in found} == {"one"}


def test_brat_asks_about_documents_too_and_about_those_without_entities(tmp_path: Path) -> None:
    found = brat(tmp_path, item="document", empty="none")
    assert [(item.item_id, item.references) for item in found] == [
        ("deep/two", ("none",)),
        ("one", (f"{FIRST}, {SECOND}",)),
    ]
    assert found[1].input == TEXT.strip()


def test_brat_ignores_types_as_iob_does(tmp_path: Path) -> None:
    (only,) = brat(tmp_path, types=["PER"], ignored=["LOC"])[:1]
    assert only.references == ("Ada Byron <PER>, Oslo's king <PER>",)


@pytest.mark.parametrize(("text", "entities", "place", "reason"), [
    (TEXT, entity(1, "ORG", "Ada", (0, 3)), "one.ann:1", "unknown type 'ORG'"),
    (TEXT, "\n" + entity(1, "PER", "Ada", (1, 4)), "one.ann:2", "at 1 4 of one.txt stands 'da ', not 'Ada'"),
    (TEXT, "T1 PER 0 3 Ada\n", "one.ann:1", "is no entity of BRAT"),
    (TEXT, entity(1, "PER", "king. She", (21, 31)), "one.txt:1", "goes on in the next line"),
    (" \n", "", "one.txt", "the file is empty"),
])  # fmt: skip
def test_brat_names_what_does_not_fit(tmp_path: Path, text: str, entities: str, place: str, reason: str) -> None:
    with pytest.raises(SelfspecError) as caught:
        brat(tmp_path, text, entities)
    assert caught.value.place == str(tmp_path / "brat" / place)
    assert reason in caught.value.reason


def test_brat_needs_a_folder_and_each_text_its_annotations(tmp_path: Path) -> None:
    brat(tmp_path)
    (tmp_path / "brat/one.ann").unlink()
    with pytest.raises(SelfspecError, match="does not exist") as caught:
        list(bound_reader(tmp_path, "brat", {"types": TYPES})(tmp_path / "brat"))
    assert caught.value.place.endswith("one.ann")
    with pytest.raises(SelfspecError, match=r"no folder with \.txt files"):
        list(bound_reader(tmp_path, "brat", {"types": TYPES})(tmp_path / "brat/one.txt"))


# A real file


def test_a_real_file_in_iobes_gives_the_same_items(tmp_path: Path) -> None:
    path = published_file("biomedicine/ncbi_disease/devel.tsv")
    reader = bound_reader(tmp_path, "iob", {"types": ["Disease"], "empty": "none"})
    rows = [line.split("\t") for line in [*path.read_text().splitlines(), ""]]
    for this, after in pairwise(rows):
        if this[-1][:1] in ("B", "I") and not after[-1].startswith("I-"):
            this[-1] = {"B": "S", "I": "E"}[this[-1][:1]] + this[-1][1:]
    (tmp_path / "iobes").write_text("\n".join(map("\t".join, rows)))
    items = list(reader(path))
    assert len(items) == 923
    assert list(reader(tmp_path / "iobes")) == items
