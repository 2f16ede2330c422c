"""Text as a person types it, cut into statements at each ``;`` that stands in no string, name or comment."""

import re

# Strings and names may hold any character, a comment too; one that is not closed goes on to the end of the text.
_PIECES = re.compile(
    r"""
      (?P<opaque>
        [eE]'(?:\\.|''|[^'\\])*(?:'|\Z) | '(?:''|[^'])*(?:'|\Z) | "(?:""|[^"])*(?:"|\Z)
        | \$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z) | --[^\n]* | /\*.*?(?:\*/|\Z))
    | (?P<end>;)
    | (?P<other>[^'"$/;\-eE]+|.)""",
    re.VERBOSE | re.DOTALL,
)


def split_statements(text: str) -> tuple[list[str], str]:
    """The statements that end in ``;``, without it, and the unfinished rest; ones of comments alone are left out."""
    done: list[str] = []
    begun, says = "", False
    for piece in _PIECES.finditer(text):
        if piece["end"]:
            if says:
                done.append(begun.strip())
            begun, says = "", False
            continue
        begun += piece[0]
        says = says or not (piece[0].isspace() or piece[0].startswith(("--", "/*")))
    return done, begun.strip() if says else ""
