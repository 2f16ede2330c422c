"""A pack from elsewhere reads nothing outside its folder, neither by a path nor by a template."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.packs.items import load_items
from selfspec_assets.packs.pack import INSTRUCTION_VARIABLES, RESPONSE_VARIABLES, load_pack
from selfspec_assets.packs.paths import contained
from selfspec_assets.packs.templates import FILTERS, TESTS, Template
from tests.conftest import Project

SECRET = "the-secret-of-another-folder"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack's folder, with links that stay in it and links that lead out, beside a secret."""
    root = tmp_path_factory.mktemp("tree")
    pack = root / "pack"
    (pack / "sub").mkdir(parents=True)
    (root / "secret").mkdir()
    (root / "secret" / "x").write_text(SECRET)
    (root / "pack-of-a-longer-name").mkdir()
    (root / "pack-of-a-longer-name" / "x").write_text(SECRET)
    (pack / "x").write_text("own")
    (pack / "inward").symlink_to("sub")
    (pack / "outward").symlink_to("../secret")
    (pack / "absolute").symlink_to(root / "secret" / "x")
    (pack / "sub" / "again").symlink_to("../outward")
    (pack / "circle").symlink_to("circle")
    return pack


PARTS = st.sampled_from(
    ["..", ".", "", "x", "sub", "inward", "outward", "absolute", "again", "circle", "secret", "~", "/", "\0", "é" * 99]
)


@settings(deadline=None)
@given(parts=st.lists(PARTS, max_size=7), tail=st.text(max_size=4))
def test_no_path_leads_out(tree: Path, parts: list[str], tail: str) -> None:
    with suppress(SelfspecError):
        found = contained(tree, "/".join(parts) + tail)
        assert found.resolve().is_relative_to(tree)
        assert not found.is_file() or found.read_text() != SECRET


@pytest.mark.parametrize(
    "relative",
    [
        "../secret/x",
        "sub/../../secret/x",
        "outward/x",
        "absolute",
        "sub/again/x",
        "../pack-of-a-longer-name/x",
        "outward",
    ],
)
def test_ways_out_are_refused(tree: Path, relative: str) -> None:
    with pytest.raises(SelfspecError, match="points outside this folder"):
        contained(tree, relative)
    with pytest.raises(SelfspecError, match="points outside this folder"):
        contained(tree, str(tree.parent / "secret" / "x"))


def test_a_folder_with_a_link_out_is_refused(tree: Path) -> None:
    """A reader of folders, as that of DDI, opens whatever lies in one."""
    with pytest.raises(SelfspecError, match="by its 'again'"):
        contained(tree, "sub")


def test_a_pack_that_was_moved_behind_a_link_is_sound(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(tree)
    assert contained(tmp_path / "elsewhere", "x") == tree / "x"
    assert contained(tmp_path / "elsewhere", "inward/../x") == tree / "x"


@pytest.mark.parametrize("key", ["corpus", "seeds", "file", "also", "train"])
def test_bundled_files_stay_in_the_pack(project: Project, key: str) -> None:
    """All that a pack brings is behind one door; a link is found whatever key names it."""
    folder = project.folder / "domains" / "botany"
    for name in ("corpus", "colours"):
        shutil.copy(project.folder / "data" / f"{name}.jsonl", folder)
    shutil.copy(project.folder / "seeds" / "botany.jsonl", folder / "seeds.jsonl")
    link = folder / "link.jsonl"
    link.symlink_to(project.folder / "data" / "colours.jsonl")
    one = {"name": "colours", "task": "colour", "instruction": "Name it.", "file": "colours.jsonl"}
    bundled = {"corpus": "corpus.jsonl", "seeds": "seeds.jsonl", "benchmarks": [one]}
    target = bundled if key in bundled else one
    target[key] = ["link.jsonl"] if key == "also" else "link.jsonl"
    project.pack["bundled"] = bundled
    project.save()
    with pytest.raises(SelfspecError, match=r"'link\.jsonl' points outside"):
        load_pack("botany")
    link.unlink()
    shutil.copy(folder / "colours.jsonl", link)
    load_pack("botany")


def test_published_files_stay_in_the_data_folder(project: Project) -> None:
    items = project.folder / "data" / "colours.jsonl"
    items.rename(project.folder / "elsewhere.jsonl")
    items.symlink_to("../elsewhere.jsonl")
    pack = load_pack("botany")
    with pytest.raises(SelfspecError, match="points outside"):
        load_items(pack, pack.data("published").benchmarks[0], "published")


# Templates


HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ input.__init__.__globals__ }}",
    "{{ (input | attr('__class__')).mro() }}",
    "{{ input['__class__'] }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].environ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ '{0.__class__.__mro__}'.format(input) }}",
    "{{ '{x.__class__}'.format_map({'x': input}) }}",
    "{{ input.encode.__self__ }}",
    "{{ namespace(a=1).__class__ }}",
    "{{ joiner.__call__.__globals__ }}",
    "{% include '/etc/passwd' %}",
    "{% include ['x', '/etc/passwd'] ignore missing %}",
    "{% import '/etc/passwd' as x %}{{ x }}",
    "{% extends '/etc/passwd' %}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
    "{{ 'x' * 10 ** 10 }}",
    "{{ 'x'.ljust(10 ** 10) }}",
    "{{ 'x' | center(10 ** 10) }}",
    "{{ '%9999999999d' % 1 }}",
    "{% set a = 'xxxxxxxx' %}{% set a = a ~ a %}{{ a }}",
    "{{ input | replace('', input) }}",
    "{{ debug() }}{% debug %}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_template_is_refused_when_it_is_loaded(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.j2"
    path.write_text("{{ instruction }} {{ input }} {{ passage }}\n" + text)
    with pytest.raises(SelfspecError) as caught:
        Template.load(path, RESPONSE_VARIABLES)
    assert caught.value.place == f"{path}:2"
    assert caught.value.remedy


@pytest.mark.parametrize("text", [text for text in HOSTILE if "__" in text or "/etc" in text])
def test_the_sandbox_holds_without_that_check(tmp_path: Path, text: str) -> None:
    """Two doors: what the list of allowed constructs might overlook one day still meets Jinja's sandbox."""
    with pytest.raises(SelfspecError, match="rendering failed"):
        Template(tmp_path / "t.j2", text).render(**RESPONSE_VARIABLES)


@pytest.mark.parametrize("value", ["{{ 7 * 7 }}", "{% include '/etc/passwd' %}", "{{ passage }}", "{# x #}", "\\{{"])
def test_what_a_model_wrote_is_never_a_template(tmp_path: Path, value: str) -> None:
    path = tmp_path / "t.j2"
    path.write_text("{{ instruction }}|{{ input }}|{{ passage }}")
    rendered = Template.load(path, RESPONSE_VARIABLES).render(instruction=value, input=value, passage="p")
    assert rendered == f"{value}|{value}|p"


def test_what_templates_need_is_there(tmp_path: Path) -> None:
    path = tmp_path / "t.j2"
    filters = "".join(f"{{{{ count | {name} }}}}" for name in sorted(FILTERS - {"length"}))
    tests = "".join(f"{{% if count is {name} %}}{{% endif %}}" for name in sorted(TESTS - {"equalto"}))
    path.write_text(
        "{% if count > 1 and not count == 3 or count is equalto 9 %}{{ count ~ ' tasks' }}{% elif count %}a{% endif %}"
        "{# a note #}{{ 'many' if count > 5 else 'few' }}{% raw %}{{ x }}{% endraw %}" + filters + tests
    )
    rendered = Template.load(path, INSTRUCTION_VARIABLES).render(count=20)
    assert rendered.startswith("20 tasksmany{{ x }}")


WORDS = st.sampled_from(
    ["{{ input }}", "{{ input ~ input }}", "{% if input %}", "{% endif %}", "{{ input | upper }}", "x"]
)


@settings(deadline=None)
@given(pieces=st.lists(WORDS, max_size=12), value=st.text(max_size=30))
def test_a_text_grows_no_faster_than_its_template(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], value: str
) -> None:
    path = tmp_path_factory.mktemp("growth") / "t.j2"
    path.write_text("".join(pieces))
    try:
        template = Template.load(path, RESPONSE_VARIABLES)
    except SelfspecError:
        return
    times = "".join(pieces).count("input")
    # Three: an upper-case letter may take that many, as that of "ΐ" does.
    assert len(template.render(instruction="", input=value, passage="")) <= len(pieces) + 3 * times * len(value)
