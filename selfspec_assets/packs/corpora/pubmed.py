"""PubMed's XML as NLM gives it out: a yearly baseline and daily update files, read as a stream.

Some 30,000 articles stand in one file of 200 MB unzipped; of these one is in memory at a time. An article that comes
again replaces the earlier one, and <DeleteCitation> takes articles out, so update files are read after the baseline:
their names are in that order. https://dtd.nlm.nih.gov/ncbi/pubmed/ describes the elements.
"""

from collections.abc import Iterator
from xml.etree import ElementTree

from selfspec_assets.base.errors import SelfspecError
from selfspec_assets.base.opened_file import DAMAGE, OpenFile, read_error
from selfspec_assets.packs.corpora.jats import JATS_ROOTS
from selfspec_assets.packs.corpora.record import Record

_ROOT = "PubmedArticleSet"


def read_pubmed(file: OpenFile) -> Iterator[Record]:
    """PMID, title and abstract of each article; an article without an abstract has the text "".

    The parts of a structured abstract are its paragraphs, their labels left out: the same ten words head millions of
    them. Its copyright line is not part of it.

    Raises:
        SelfspecError: not XML or cut off (``file:line``), of another root, an article without a PMID.
    """
    article = 0
    try:
        for element in _top_elements(file):
            if element.tag == "PubmedArticle":
                article += 1
                yield _article(f"{file.path}: article {article}", element, article)
            elif element.tag == "DeleteCitation":
                for pmid in element.iter("PMID"):
                    yield Record((pmid.text or "").strip(), "", "", article, deleted=True)
    except ElementTree.ParseError as error:
        place = f"{file.path}:{error.position[0]}"
        raise SelfspecError(place, f"is not valid XML: {error}", "fetch the file again") from None
    except DAMAGE as error:
        raise read_error(file, f"{file.path}: article {article + 1}", error) from None


def _top_elements(file: OpenFile) -> Iterator[ElementTree.Element]:
    """Each whole child of the root, which forgets it afterwards."""
    depth = 0
    root: ElementTree.Element | None = None
    for event, element in ElementTree.iterparse(file.text_stream(), ("start", "end")):
        if event == "start":
            if root is None:
                root = element
                if root.tag != _ROOT:
                    reason = f"its root is <{root.tag}>, not <{_ROOT}>"
                    remedy = "declare 'format: jats', or " if root.tag in JATS_ROOTS else ""
                    raise SelfspecError(file.path, reason, f"{remedy}give a file of PubMed's baseline or updatefiles")
            depth += 1
            continue
        depth -= 1
        if depth == 1 and root is not None:
            yield element
            root.clear()


def _article(place: str, element: ElementTree.Element, number: int) -> Record:
    # Not any PMID below it: an article also names those that it corrects or comments on.
    pmid = (element.findtext("MedlineCitation/PMID") or "").strip()
    if not pmid:
        raise SelfspecError(place, "has no <PMID>", "fetch the file again")
    article = element.find("MedlineCitation/Article")
    title = None if article is None else article.find("ArticleTitle")
    parts = [] if article is None else article.findall("Abstract/AbstractText")
    text = "\n\n".join("".join(part.itertext()) for part in parts)
    return Record(pmid, "" if title is None else "".join(title.itertext()), text, number)
