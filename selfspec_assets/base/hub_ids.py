"""What a name on the Hugging Face hub and a pinned revision look like: for models and for files of datasets. Pure."""

import re

NAME = r"[A-Za-z0-9][\w.-]*/[\w.-]+"  # owner/name
COMMIT = r"[0-9a-f]{40}"
_NAME, _COMMIT = re.compile(NAME), re.compile(COMMIT)


def is_hub_id(text: str) -> bool:
    """Whether it has the form ``owner/name``.

    >>> is_hub_id("mosaicml/mpt-30b"), is_hub_id("./models/x"), is_hub_id("just-a-name")
    (True, False, False)
    """
    return _NAME.fullmatch(text) is not None


def is_commit(text: str | None) -> bool:
    """Whether it is a whole commit, 40 hex digits: a branch or a tag may point elsewhere tomorrow."""
    return text is not None and _COMMIT.fullmatch(text) is not None
