"""Web pages and Markdown → their text, by inscriptis and markdown-it: no tags, scripts or styles become words."""

import re

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*>")  # names an encoding, which text no longer has: lxml refuses it
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?^(---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)


def html_text(markup: str) -> tuple[str, str]:
    """Title and text of a page: blocks apart by a blank line, list items and rows of tables a line each.

    The title is ``<title>``, or else the first ``<h1>``; "" without either. Menus and footers are text, too.

    >>> html_text("<title>Moss</title><style>p {}</style><p>H<sub>2</sub>O &amp; <b>light</b>.</p><p>Shade.</p>")
    ('Moss', 'H2O & light.\\n\\nShade.')
    """
    from inscriptis import Inscriptis
    from lxml.etree import ParserError
    from lxml.html import document_fromstring

    try:
        tree = document_fromstring(_DECLARATION.sub("", markup, count=1))
    except ParserError:  # nothing but comments
        return "", ""
    named = next(tree.iter("title"), None)
    named = next(tree.iter("h1"), None) if named is None else named
    title = "" if named is None else " ".join(named.text_content().split())
    return title, str(Inscriptis(tree).get_text()).strip()


def markdown_text(text: str) -> tuple[str, str]:
    """Title (the first heading of the first level) and text of CommonMark with tables; YAML before it is left out.

    >>> markdown_text("# Moss\\n\\nIt *loves* [shade](http://x.org).")
    ('Moss', 'Moss\\n\\nIt loves shade.')
    """
    from markdown_it import MarkdownIt

    page = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return html_text(page.render(_FRONT_MATTER.sub("", text, count=1)))
