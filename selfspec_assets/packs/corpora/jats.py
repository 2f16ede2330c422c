"""JATS, the XML of whole articles that PubMed Central and publishers give out (``.nxml``, ``.xml``).

https://jats.nlm.nih.gov describes the elements.
"""

from collections.abc import Iterator
from xml.etree import ElementTree

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import DAMAGE, OpenFile, read_error
from selfspec_assets.packs.corpora.record import Record

JATS_ROOTS = ("article", "pmc-articleset")
_NO_PROSE = {"table-wrap", "fig", "fig-group", "tex-math", "disp-formula", "media", "supplementary-material", "label"}

_LINES = {"p", "title", "list-item", "def-item", "break", "disp-formula", "disp-quote"}


def read_jats(file: OpenFile) -> Iterator[Record]:
    """Title, and as text the abstract and the body, of each article; one is in memory at a time.

    Headings and paragraphs are paragraphs of the text. Tables, figures, formulas on lines of their own and lists of
    references are left out. An article is called by its file, in a set of articles also by its number, from 1.

    Raises:
        SelfspecError: not XML or cut off (``file:line``), of another root.
    """
    number = 0
    try:
        for element, alone in _articles(file):
            number += 1
            named = element.find("front/article-meta/title-group/article-title")
            parts = [*element.findall("front/article-meta/abstract"), *element.findall("body")]
            text = "\n\n".join(block for part in parts for block in _blocks(part))
            name = file.name if alone else f"{file.name}:{number}"
            yield Record(name, "" if named is None else _prose(named), text, number)
    except ElementTree.ParseError as error:
        place = f"{file.path}:{error.position[0]}"
        raise SelfspecError(place, f"is not valid XML: {error}", "fetch the file again") from None
    except RecursionError:
        reason = f"article {number} nests its elements too deep"
        raise SelfspecError(file.path, reason, "take the file out of the source") from None
    except DAMAGE as error:
        raise read_error(file, f"{file.path}: article {number + 1}", error) from None


def _articles(file: OpenFile) -> Iterator[tuple[ElementTree.Element, bool]]:
    """Each whole article, which is emptied afterwards, and whether it is the root."""
    root: ElementTree.Element | None = None
    for event, element in ElementTree.iterparse(file.text_stream(), ("start", "end")):
        if root is None:
            root = element
            if root.tag not in JATS_ROOTS:
                reason = f"its root is <{root.tag}>, not <{'> or <'.join(JATS_ROOTS)}>"
                remedy = "declare 'format: pubmed'" if root.tag == "PubmedArticleSet" else "give articles in JATS"
                raise SelfspecError(file.path, reason, remedy)
        if event == "end" and element.tag == "article":
            yield element, element is root
            root.clear()


def _blocks(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        if child.tag in ("title", "p"):
            yield _prose(child)
        elif child.tag not in _NO_PROSE:
            yield from _blocks(child)


def _prose(element: ElementTree.Element) -> str:
    """All text below an element; what stands on lines of its own, such as the items of a list, is parted by a space."""
    parts = [element.text or ""]
    for child in element:
        parts.append("" if child.tag in _NO_PROSE else _prose(child))
        parts.append(f"{' ' if child.tag in _LINES else ''}{child.tail or ''}")
    return "".join(parts)
