"""``selfspec report``: one file, whole, escaped, with the numbers that ``selfspec scores`` prints."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from lxml import html as parser
from typer.testing import CliRunner

from selfspec_assets.cli.app import app
from selfspec_assets.recipe.recipe import load_recipe
from selfspec_assets.reports.html_report import samples
from selfspec_assets.reports.html_report.made import not_made
from selfspec_assets.reports.html_report.page import render
from selfspec_assets.reports.html_report.table import interval, number, seconds, signed
from selfspec_assets.reports.scores.p_values import p_in_words, p_value
from tests.conftest import Project, make_project
from tests.synthetic import RIGHT, WRONG, publish, set_quiz

RUN = CliRunner()
LOADS = {
    "img": "src",
    "script": "src",
    "link": "href",
    "iframe": "src",
    "image": "href",
    "use": "href",
    "source": "src",
}


@pytest.fixture(scope="module")
def page(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Any:
    target = tmp_path_factory.mktemp("report") / "made" / "tiny.html"
    done = RUN.invoke(app, ["report", "tiny", "--output", str(target)])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(target)
    return parser.fromstring(target.read_bytes().decode())


def rows_of(page: Any, caption: str) -> list[list[str]]:
    (table,) = [t for t in page.iter("table") if t.find("caption").text.startswith(caption)]
    return [[cell.text_content() for cell in row] for row in table.find("tbody").iter("tr")]


def test_every_picture_has_words(page: Any) -> None:
    pictures = list(page.iter("svg", "img"))
    assert len(pictures) >= 3 * 4
    for picture in pictures:
        assert (picture.get("aria-label") or picture.get("alt") or "").strip()
    for figure in page.iter("figure"):
        assert figure.find("figcaption").text_content().strip()


def test_nothing_is_loaded_and_nothing_runs(page: Any) -> None:
    assert list(page.iter("script")) == []
    for element in page.iter():
        if isinstance(element.tag, str):
            assert not [name for name in element.attrib if name.lower().startswith("on")]
            wanted = element.get(LOADS.get(element.tag, "src"), element.get("xlink:href"))
            assert wanted is None or wanted.startswith(("data:", "#")), wanted
    style = "".join(element.text or "" for element in page.iter("style"))
    assert "@import" not in style
    assert "url(" not in style.replace("url(#", "")
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy.startswith("default-src 'none'")


def test_ids_stand_once_and_links_lead_to_them(page: Any) -> None:
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    links = page.xpath("//a/@href")
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_numbers_are_those_of_scores(page: Any) -> None:
    said = json.loads(RUN.invoke(app, ["scores", "tiny", "--json"]).stdout)
    averages = {row[0]: row[1:] for row in rows_of(page, "Macro averages")}
    cell = {
        (row["iteration"], row["variant"], row["oracle"], row["metric"], row["shots"], row["benchmark"]): row
        for row in said["scores"]
    }
    for name, about in {"iteration 3": (3, "alpaca", False), "base, cue": (0, "cue", False)}.items():
        stored = [cell[(*about, metric, k, "average")] for metric in ("f1", "rouge_l") for k in (0, 2)]
        shown = [f"{row['value']:.1f} {interval(row['low'], row['high'])}" for row in stored]
        assert averages[name] == [*shown, str(stored[0]["n"])]
    by_benchmark = rows_of(page, "F1 by benchmark, k=2")
    colours = next(row for row in by_benchmark if row[0] == "colours")
    assert colours[3:6] == [number(cell[n, "alpaca", False, "f1", 2, "colours"]["value"]) for n in (1, 2, 3)]
    lift = rows_of(page, "Lift over the base")
    titles = {"f1": "F1", "rouge_l": "ROUGE-L"}
    expected = {
        (f"iteration {row['iteration']}", titles[row["metric"]], f"k={row['k']}", row["oracle"]): [
            *(number(row["base"]), number(row["adapter"]), signed(row["lift"])),
            *(interval(row["low"], row["high"], plus=True), p_value(row["p_value"])),
        ]
        for row in said["lift"]
    }
    shown_lift = {(row[0], row[2], row[3], row[1].endswith("*")): row[4:9] for row in lift}
    assert shown_lift == expected


def test_what_was_kept_is_what_the_database_holds(page: Any, finished: Project) -> None:
    with duckdb.connect(str(finished.database), read_only=True) as connection:
        asked = (
            "SELECT count(*), count(*) FILTER (verdict = 'kept') FROM responses GROUP BY iteration ORDER BY iteration"
        )
        counts = connection.execute(asked).fetchall()
        examples = connection.execute("SELECT examples FROM adapters ORDER BY iteration").fetchall()
    made = {row[0]: row[1:] for row in rows_of(page, "From what was asked")}
    assert made["answers written"] == [str(written) for written, _ in counts]
    assert made["answers kept"] == [str(kept) for _, kept in counts]
    assert made["examples tuned on"] == [str(number) for (number,) in examples]


def test_a_token_is_marked_with_its_likeliest_passage(page: Any, finished: Project) -> None:
    shown = samples.load(finished.database, load_recipe("tiny"), "botany", 6)
    assert {one.verdict for one in shown} == {"kept", "rejected"}
    articles = page.xpath("//article")
    assert len(articles) == len(shown) == 6
    for article, one in zip(articles, shown, strict=True):
        (answer,) = article.xpath(".//dd[contains(@class, 'answer')]")
        for run, span in zip(one.runs, answer.findall("span"), strict=True):
            assert f"p{run.rank}" in span.get("class").split()
            assert span.find("sup").text == str(run.rank)
    with duckdb.connect(str(finished.database), read_only=True) as connection:
        where = f"iteration = {shown[0].iteration} AND instruction_id = {shown[0].task}"
        stored = connection.execute(f"SELECT posterior FROM response_tokens WHERE {where} ORDER BY position").fetchall()
    ranks = [run.rank for run in shown[0].runs for _ in run.tokens]
    assert ranks == [posterior.index(max(posterior)) + 1 for (posterior,) in stored]


def test_recipe_versions_and_licences_are_told(page: Any, finished: Project) -> None:
    assert (finished.folder / "recipes/tiny.yaml").read_text().strip() in page.find(".//pre").text_content()
    rests = rows_of(page, "What it rests on")
    assert ["base model", "./model", "", "not stated"] in rests
    assert [row[0] for row in rests].count("benchmark") == 1
    assert rows_of(page, "Versions")
    assert any(len(row[2]) == 64 for row in rows_of(page, "Digests"))


def test_what_is_not_made_is_said_in_words(begun: Project) -> None:
    def lacking() -> str:
        return "\n".join(not_made(begun.database, load_recipe("tiny"), "botany"))

    missing = "instructions, passages, responses, adapter, predictions, scores missing."
    assert lacking().splitlines() == [
        f"Iteration 2 is not made: {missing}",
        "To make what is missing: selfspec run tiny --domain botany",
    ]
    begun.recipe["adapter"]["learning_rate"] = 0.5
    begun.save()
    assert "adapter of iteration 1, predictions of iteration 1, scores of iteration 1 would be made anew" in lacking()
    assert "instructions of iteration 1," not in lacking()


def test_a_recipe_of_which_nothing_is_made_has_a_page_of_words(begun: Project, tmp_path: Path) -> None:
    (begun.folder / "recipes/other.yaml").write_text((begun.folder / "recipes/tiny.yaml").read_text())
    target = tmp_path / "other.html"
    assert RUN.invoke(app, ["report", "other", "-o", str(target)]).exit_code == 0
    assert "Nothing has been made yet: selfspec run other" in parser.fromstring(target.read_text()).text_content()


def test_nothing_is_written_without_a_database_or_over_a_folder(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "tiny.html"
    done = RUN.invoke(app, ["report", "tiny", "-o", str(target)])
    assert done.exit_code == 1
    assert "selfspec run tiny" in done.stderr
    assert not target.exists()


def test_what_the_model_wrote_is_text(begun: Project, tmp_path: Path) -> None:
    evil = "</dd></style><script>alert(1)</script><img src=http://x/y onerror=alert(1)>\x1b[2J\u202e{{ 7*7 }}"
    with duckdb.connect(str(begun.database)) as connection:
        for table, column in (
            *(("responses", "response"), ("responses", "instruction"), ("responses", "input"), ("passages", "title")),
            *(("passages", "text"), ("response_tokens", "token"), ("instructions", "instruction")),
            *(("instructions", "input"), ("seeds", "source"), ("corpora", "source"), ("responses", "reason")),
        ):
            connection.execute(f"UPDATE {table} SET {column} = ?", [evil])
    target = tmp_path / "tiny.html"
    done = RUN.invoke(app, ["report", "tiny", "-o", str(target)])
    assert done.exit_code == 0, done.output
    written = target.read_text()
    page = parser.fromstring(written)
    assert list(page.iter("script", "img")) == []
    assert "\x1b" not in written
    assert "\u202e" not in written
    assert "<script>alert(1)</script>" in page.text_content()
    assert "{{ 7*7 }}" in page.text_content()
    assert "Iteration 2 is not made" in page.text_content()


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(Exception, match="is undefined"):
        render(recipe="x")


def test_numbers_as_a_person_reads_them() -> None:
    assert (signed(-2.25), interval(-1, 2, plus=True), interval(1, 2)) == ("−2.2", "[−1.0, +2.0]", "[1.0, 2.0]")
    assert (p_value(0.0004), p_value(0.0123)) == ("<0.001", "0.012")
    assert (p_in_words(0.0004), p_in_words(0.0123)) == ("p < 0.001", "p = 0.012")
    assert (seconds(3.21), seconds(75), seconds(3725)) == ("3.2 s", "1 min 15 s", "1 h 02 min")


def test_other_recipes_of_the_same_base_stand_beside_it(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project", tiny_model, monkeypatch)
    set_quiz(project, {"colours": "colour", "facts": "closed_book"}, items=4)
    for name, k in (("tiny", 3), ("ablation_top_1", 1)):
        project.recipe["passages"]["k"] = k
        (project.folder / f"recipes/{name}.yaml").write_text(yaml.safe_dump(project.recipe))
        publish(load_recipe(name), "botany", lambda named, n, *_: RIGHT if n == named.recipe.passages.k else WRONG)
    project.recipe["base_model"] = {"model": "./other"}
    (project.folder / "recipes/other_base.yaml").write_text(yaml.safe_dump(project.recipe))
    target = tmp_path / "tiny.html"
    assert RUN.invoke(app, ["report", "tiny", "-o", str(target)]).exit_code == 0
    rows = rows_of(parser.fromstring(target.read_text()), "Beside other recipes")
    assert ["macro average over 2 benchmarks"] in rows
    found = {(row[0], row[1]): (row[2], row[3].split()[0]) for row in rows if len(row) > 1}
    assert found["1st iteration", "top-1"] == ("ablation_top_1", "100.0")
    assert found["1st iteration", "top-3"] == ("tiny", "0.0")
    assert not [row for row in rows if "other_base" in row]
