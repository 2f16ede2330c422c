"""Reading the numbered list of tasks that a model wrote (paper, §3.2 and Table 3), and the filters on its items.

The prompt ends with ``\\n4. Instruction:``; read here is its continuation, ``<text>\\nInput: <text>\\n\\n5. …``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import Field

from selfspec_assets import plugins
from selfspec_assets.base.words import comparable, count_words, starts_unspaced, words
from selfspec_assets.method.instructions.picture_tasks import needs_pictures
from selfspec_assets.packs.corpora.ngrams import word_hashes
from selfspec_assets.packs.corpora.overlap import BenchmarkText
from selfspec_assets.packs.records import question_key, without_marks

# Every quantifier is bounded, so that reading time grows with the length of the text and no faster.
_MARKUP = r"[ \t\#*_>]{0,12}"
_LABEL_END = r"[ \t*_]{0,6}[:：][*_]{0,3}"
_INPUT_LABEL = rf"(?:example[ \t])?inputs?(?:[ \t]?\([^()\n]{{0,40}}\))?{_LABEL_END}"
_OUTPUT_LABEL = rf"(?:expected[ \t])?(?:outputs?|responses?|answers?){_LABEL_END}"
_TASK_LABEL = rf"(?:instructions?|task){_LABEL_END}"
_NUMBER_BEFORE = rf"(?:\(?\d{{1,4}}[.):\]]{{1,2}}{_MARKUP})?"

_HEADER = re.compile(
    rf"""^{_MARKUP}
    (?: (?:(?P<word>task|instruction|item|no\.)[ \t]{{0,2}})? [(\[]?\#?(?P<number>\d{{1,4}})(?!\d)
        (?![ \t.):\]*_]{{0,8}}(?:{_INPUT_LABEL}|{_OUTPUT_LABEL}))
        (?P<mark>[*_]{{0,3}}[.):\]]{{1,2}}(?=[\s*_]|\Z|instruction|task))? [*_]{{0,3}}
        (?P<label>\s{{0,8}}{_MARKUP}{_TASK_LABEL})?
      | (?P<bare>instruction{_LABEL_END})
    )""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_INPUT = re.compile(rf"^{_MARKUP}{_NUMBER_BEFORE}{_INPUT_LABEL}", re.IGNORECASE | re.MULTILINE)
_INLINE_INPUT = re.compile(r"(?<=[.?!:;)\]\"'])[ \t]{1,8}Input:")
_OUTPUT = re.compile(rf"^{_MARKUP}{_NUMBER_BEFORE}{_OUTPUT_LABEL}", re.IGNORECASE | re.MULTILINE)
_LABEL_AGAIN = re.compile(rf"\s*{_MARKUP}{_TASK_LABEL}", re.IGNORECASE)
_TEMPLATE = re.compile(
    rf"(?:^|:[ \t]{{0,4}})\#{{2,6}}[ \t]{{0,4}}[*_]{{0,3}}instruction{_LABEL_END}", re.IGNORECASE | re.MULTILINE
)
_RULE = re.compile(r"[ \t#*_=\-]*")

_QUOTES = (('"', '"'), ("“", "”"), ("'", "'"), ("`", "`"), ("**", "**"))
_NO_INPUT = {
    "noinput",
    "no input",
    "none",
    "n/a",
    "n.a",
    "not applicable",
    "–",
    "—",
    "no input needed",
    "no input required",
    "no input is needed",
    "no input is required",
    "no input necessary",
    "no input provided",
}


@dataclass(frozen=True, slots=True)
class ParsedItem:
    """One item of the list.

    ``position`` counts up from the number that the prompt asked for, whatever number the model wrote; ``problem`` is
    None, ``truncated`` (the last item of an output that hit the length limit) or ``empty`` (no instruction).
    """

    position: int
    instruction: str
    input: str
    problem: str | None


def parse_instruction_list(text: str, first_number: int, hit_limit: bool) -> list[ParsedItem]:
    """All items of a continuation, at least one; never raises, whatever the text.

    Numbers may be ``5.``, ``5)``, ``(5)``, ``5:``, ``**5.**``, ``### 5.`` or ``Task 5:``; labels come in any case,
    bold or not, perhaps on the next line. A missing ``Input:`` or one that says "none" gives an empty input; an
    ``Output:``, ``Response:`` or ``Answer:`` part is cut off. An item begins

    - at a number with an ``Instruction:`` label, unless the expected number follows with one, and this is neither it
      nor the last one again: then it belongs to a list within the text;
    - at a heading ``### Instruction:`` after a blank line, where no number has a label;
    - where other items are labelled: at the expected next number, if an ``Input:`` of its own comes before the next
      number;
    - where no number has a label: at the expected next number, unless it continues a list (the number before
      it was passed over, with no blank line since); and in a list without any numbers, at each ``Instruction:`` after
      a blank line.

    Any other number or heading belongs to the text that it stands in, an input's own list or template for example; the
    ``### Response:`` of such a template cuts nothing off.

    Args:
        text: what the model wrote after ``<first_number>. Instruction:``.
        first_number: the number that the prompt ended with.
        hit_limit: generation stopped at the length limit, so the last item may be cut.
    """
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    if again := _LABEL_AGAIN.match(text):
        text = text[again.end() :]
    start, bodies = 0, list[str]()
    for header in _openings(text, first_number):
        before = text[start : header.start()]
        # The number that the prompt ended with, again, after nothing or a preamble: not an item before it.
        if bodies or header["bare"] or int(header["number"]) != first_number or _INPUT.search(before):
            bodies.append(before)
        start = header.end()
    parsed = [_split(body) for body in [*bodies, text[start:]]]
    problems = [None if instruction else "empty" for instruction, _ in parsed]
    if hit_limit:
        problems[-1] = "truncated"
    return [
        ParsedItem(first_number + i, instruction, given, problem)
        for i, ((instruction, given), problem) in enumerate(zip(parsed, problems, strict=True))
    ]


def _openings(text: str, first_number: int) -> Iterator[re.Match[str]]:
    """The headers at which an item begins, in order."""
    headers = [h for h in _HEADER.finditer(text) if h["mark"] or h["label"] or h["bare"]]
    labelled = Counter(int(h["number"]) if h["number"] else None for h in headers if _is_labelled(h))  # still to come
    any_label, numbered = bool(labelled), bool(labelled.keys() - {None})
    expected, passed, found = first_number + 1, -1, False
    for i, header in enumerate(headers):
        number = int(header["number"]) if header["number"] else None
        if _is_labelled(header):
            labelled[number] -= 1
            if number is None:
                opens = not numbered and (header.start() == 0 or text.endswith("\n\n", 0, header.start()))
            else:
                opens = number in (expected, expected - 1) or not labelled[expected]
        elif i == 0 and number == first_number and not text[: header.start()].strip():
            opens = True
        elif number != expected:
            opens = False
        elif any_label:
            following = headers[i + 1].start() if i + 1 < len(headers) else len(text)
            opens = _INPUT.search(text, header.end(), following) is not None
        else:
            opens = passed < 0 or text.find("\n\n", passed, header.start()) >= 0
        if opens:
            found = True
            expected = 1 + (expected if number is None else number)
            yield header
        # Where the number before the next expected one was passed over: the inner list that it may continue.
        passed = header.start() if not opens and number == expected - 1 else -1
    if not found:
        yield from (h for h in headers if h["bare"] and (h.start() == 0 or text.endswith("\n\n", 0, h.start())))


def _is_labelled(header: re.Match[str]) -> bool:
    """A number with an instruction label, "Task 5:", or a heading "### Instruction:"."""
    if header["bare"]:
        return "##" in header[0]
    return bool(header["label"] or (header["mark"] and (header["word"] or "").lower() in ("task", "instruction")))


def _split(body: str) -> tuple[str, str]:
    """Instruction and input of one item's text."""
    template = _TEMPLATE.search(body)
    if output := _OUTPUT.search(body, 1, template.start() if template else len(body)):
        body = body[: output.start()]
    label = _INPUT.search(body) or _INLINE_INPUT.search(body)
    if label is None:
        return _clean(body), ""
    given = _clean(body[label.end() :])
    return _clean(body[: label.start()]), "" if _says_none(given) else given


def _clean(text: str) -> str:
    """Without blank lines and rules (``###``, ``---``) at either end, and without quotes around the whole."""
    lines = text.strip().split("\n")
    inked = [i for i, line in enumerate(lines) if not _RULE.fullmatch(line)]
    text = "\n".join(lines[inked[0] : inked[-1] + 1]).strip() if inked else ""
    for left, right in _QUOTES:
        inside = text[len(left) : len(text) - len(right)]
        if inside and text == left + inside + right and left not in inside and right not in inside:
            return inside.strip()
    return text[1:].lstrip() if text.startswith('"') and text.count('"') == 1 else text


def _says_none(text: str) -> bool:
    return " ".join(text.lower().strip(" \t\n<>[](){}.*").split()) in _NO_INPUT


_PLACEHOLDER_NAME = r"[^\W\d][\w '/\-]{0,60}"
_PLACEHOLDER_ORDER = r"(?:insert|enter|provide|paste|add|your|put|fill)\b[^\[\]<>{}]{0,200}"
_PLACEHOLDER = re.compile(
    rf"""(?: \[{{1,3}}[ ]? (?:{_PLACEHOLDER_ORDER}|{_PLACEHOLDER_NAME}) \]{{1,3}}
        | <{{1,3}}[ ]? (?:{_PLACEHOLDER_ORDER}|{_PLACEHOLDER_NAME}) >{{1,3}}
        | \{{{{1,3}}[ ]? (?:{_PLACEHOLDER_ORDER}|{_PLACEHOLDER_NAME}) \}}{{1,3}}
        | \((?:insert|enter|paste|your)\b[^()]{{0,200}}\)
        | \.{{2,}} | … | _{{2,}} | x{{3,}} | placeholder
        | (?:insert|paste|enter|your)[ ](?:[\w'-]+[ ]){{0,5}}(?:text|here)
        | (?:n/?a|none|text|input)[ ](?:goes[ ])?here
        | lorem[ ]ipsum.{{0,2000}}
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_BETWEEN = re.compile(r"[\s,;.:|/&\-]+|and\b", re.IGNORECASE)
_LINE_LABEL = re.compile(r"^[^\W\d][\w ]{0,30}:[ \t]", re.MULTILINE)


def _is_placeholder(text: str) -> bool:
    """Nothing but placeholders, apart from what separates them and labels in front of them ("Abstract: [abstract]")."""
    bare = _LINE_LABEL.sub("", text.strip())
    place, met = 0, False
    while place < len(bare):
        if match := _PLACEHOLDER.match(bare, place):
            met = True
        elif (match := _BETWEEN.match(bare, place)) is None:
            return False
        place = match.end()
    return met


@plugins.filter("length", version="1")
def length(
    instruction: str, input: str, *, least: Annotated[int, Field(ge=1)] = 3, most: Annotated[int, Field(ge=1)] = 150
) -> str | None:
    """Rejects an instruction of fewer or more words (``count_words``)."""
    count = count_words(instruction)
    return "too_short" if count < least else "too_long" if count > most else None


@plugins.filter("placeholder_input", version="1")
def placeholder_input(instruction: str, input: str) -> str | None:
    """Rejects an input that is nothing but "[text]", "<text>", "...", "{input}" …"""
    return "placeholder_input" if _is_placeholder(input) else None


@plugins.filter("pictures", version="1")
def pictures(instruction: str, input: str) -> str | None:
    """Rejects a task for which something is to be seen, drawn or heard (``picture_tasks``)."""
    return "needs_pictures" if needs_pictures(instruction, input) else None


_OPENING = "¿¡«‹„‚“‘「『《〈【（"  # what a sentence of another language than English may begin with


def _whole(phrase: str) -> str:
    """A pattern for the phrase as whole words; a script without spaces shows no edges of words."""
    pattern = re.escape(phrase).replace(r"\ ", r"\s+")
    before, after = ("" if starts_unspaced(edge) else r"\w" for edge in (phrase, phrase[-1]))
    return (rf"(?<!{before})" if before else "") + pattern + (rf"(?!{after})" if after else "")


class InstructionFilter:
    """Alpaca's filters, with the banned words of the domain's own pack.

    Args:
        banned_words: words or phrases that an instruction must not hold, as whole words in any case.
        min_words: fewest words of an instruction (``count_words``).
        max_words: most of them.
        language: the pack's, a BCP 47 code; that an instruction begins with an ASCII letter holds for English alone.
    """

    def __init__(
        self, banned_words: Iterable[str], min_words: int = 3, max_words: int = 150, language: str = "en"
    ) -> None:
        self._english = language.split("-")[0] == "en"
        self.min_words = min_words
        self.max_words = max_words
        phrases = sorted(set(map(comparable, banned_words)) - {""}, key=lambda w: (-len(w), w))
        self._banned = re.compile("|".join(map(_whole, phrases))) if phrases else None

    def reason(self, instruction: str, input: str) -> str | None:
        """Why the pair is rejected, or None.

        ``empty``, ``too_short``, ``too_long``, ``not_ascii_start`` (English alone), ``not_a_letter`` (how it begins),
        ``banned_word:<w>`` (in the instruction), ``placeholder_input`` (the input is nothing but "[text]", "<text>",
        "...", "{input}" …) or ``needs_pictures`` (``picture_tasks``), tried in this order.
        """
        instruction = instruction.strip()
        if not count_words(instruction):
            return "empty"
        if reason := length(instruction, input, least=self.min_words, most=self.max_words):
            return reason
        if self._english and not instruction[0].isascii():
            return "not_ascii_start"
        if not (instruction if self._english else instruction.lstrip(_OPENING))[:1].isalpha():
            return "not_a_letter"
        if self._banned and (found := self._banned.search(comparable(instruction))):
            return f"banned_word:{found[0]}"
        return placeholder_input(instruction, input) or pictures(instruction, input)


class Question(Protocol):
    """What is needed of a benchmark's item."""

    @property
    def benchmark(self) -> str: ...
    @property
    def item_id(self) -> str: ...
    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...


class BenchmarkGuard:
    """Keeps benchmark items out of the training data.

    The rule: a generated pair repeats a benchmark item if its input or its instruction asks the same as the item's text
    (``question_key``), or shares a run of 13 words with it (``BenchmarkText``). A text of fewer than 13 words has no
    such run and is compared as a whole. An item's text is its input, or its instruction where the input has no words;
    instructions that come with an input are a benchmark's own phrasing and may recur.
    """

    def __init__(self, items: Iterable[Question]) -> None:
        self._whole: dict[str, str] = {}
        texts: list[tuple[str, list[str]]] = []
        for item in items:
            name = f"{item.benchmark}/{item.item_id}"
            text = without_marks(item.input if words(item.input) else item.instruction)
            if words(text):
                self._whole.setdefault(question_key(text), name)
                texts.append((name, [text]))
        self._runs = BenchmarkText(texts)

    def reason(self, instruction: str, input: str) -> str | None:
        """``repeats_benchmark:<benchmark>/<item_id>``, naming the first item that the pair repeats, or None."""
        for text in (input, instruction):
            name = self._whole.get(question_key(text))
            if name is None:
                tokens = words(without_marks(text))
                shared = self._runs.find(tokens, word_hashes(tokens))
                name = None if shared is None else shared[0]
            if name is not None:
                return f"repeats_benchmark:{name}"
        return None
