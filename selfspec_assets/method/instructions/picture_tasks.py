"""Tasks that a model of text alone cannot do: to look at, show or draw pictures, to play or record sound. Pure.

The kind is told by its grammar, not by words alone: an order to show or see, with a picture as its object ("Print the
images of …"), or a picture that is pointed at ("the image below"). Texts about pictures are sound tasks: "imaging
findings", "what an MRI shows", "photo finish", "give a clear picture of", "the figures for 2020". English only.
"""

import re

_SEEN = r"(?:images?|photos?|photographs?|pictures|screenshots?|videos?|video\sclips?|animations?|gifs?|illustrations?)"
_HEARD = r"(?:audio|(?:audio|sound)\s(?:clip|file|recording)s?)"
_DRAWN = r"(?:picture|drawing|diagram|flow\s?chart|chart|graph|histogram|sketch|plot|map|figure)s?"
# What may follow the noun, which else only begins another one: "image quality", "video review", "photo finish".
_END = (
    r"(?=\s?(?:$|[.,;:!?)\]])|\s(?:of|in|on|from|to|that|which|where|and|or|for|with|by|at|as|using|showing|depicting|"
    r"below|above|shown|provided|attached|given|here|is|are|you|so)\b)"
)
# Words of the same object: articles, adjectives, "me"; behind any of these another one begins.
_OTHER = r"(?:of|in|from|for|about|with|on|that|to|and|or|as|how|what|which|if|whether|by|clear)\b"
_WITHIN = rf"(?:(?!{_OTHER})[\w'-]+\s){{0,4}}"
_ORDER = r"(?:^|[.!?;:,]\s|\n|\b(?:and|then|please|(?:can|could)\syou|(?:asked|need|have|is)\sto)\s)"
_SHOW = (
    r"(?:print|show|display|render|generate|create|produce|make|insert|attach|upload|include|add|send|post|take|capture|"
    r"provide|find|give|return|output|download|record|play|edit|crop)"
)
_DRAW = r"(?:draw|sketch|plot|render|display|design)"
_SEE = r"(?:look(?:ing)?(?:\s(?:closely|carefully))?\sat|view|watch|listen\sto|inspect|examine)"
_POINTED = r"(?:this|these|(?:following|attached|accompanying|above|below|uploaded))"
_POINTS = r"(?:below|above|attached|provided|shown|here)"

_TASKS = re.compile(
    rf"{_ORDER}(?:"
    rf"{_SHOW}\s{_WITHIN}(?:{_SEEN}|{_HEARD}){_END}"
    rf"|{_DRAW}\s{_WITHIN}(?:{_SEEN}|{_DRAWN}){_END}"
    rf"|{_SEE}\s{_WITHIN}(?:{_SEEN}|{_HEARD}|{_DRAWN}){_END})"
    rf"|\b{_POINTED}\s(?:[\w'-]+\s){{0,2}}(?:{_SEEN}|{_HEARD}|picture){_END}"
    rf"|\b(?:{_SEEN}|{_HEARD}|picture|diagram|chart|graph|figure)\s(?:that\sis\s)?{_POINTS}(?=\s?(?:$|[.,;:!?)]))",
    re.IGNORECASE,
)
_FILE = re.compile(r"\S{1,300}\.(?:jpe?g|png|gif|bmp|tiff?|webp|svg|dcm|mp4|avi|mov|webm|mp3|wav|ogg)", re.IGNORECASE)


def needs_pictures(instruction: str, input: str) -> bool:
    """Whether a task is to see, show or draw a picture, or to hear or play a sound; its input may be such a file."""
    lines = "\n".join(" ".join(line.split()) for line in instruction.strip().splitlines())
    return bool(_TASKS.search(lines) or _FILE.fullmatch(input.strip()))
