"""Whether two answers are the same number, for questions on financial reports; scales and percent are part of it."""

import math
import re
from typing import NamedTuple

from selfspec_assets.method.scoring.metrics import normal_form

RELATIVE = 0.01  # what a coarser rounding may cost at most
_SCALES = {"thousand": 3, "k": 3, "million": 6, "m": 6, "mn": 6, "billion": 9, "bn": 9, "b": 9, "trillion": 12}
_SCALE = r"%|per\s?cent\b|(?:thousand|million|billion|trillion)s?\b|mn\b|bn\b|[kmb]\b"
_CURRENCY = r"(?:(?:[a-z]{0,3}[$€£¥]|usd|eur|gbp|chf|jpy|cny|rmb|inr|aud|cad|hkd|sgd|sek|nok|dkk)\s?)?"
_NUMBER = re.compile(
    # Accountants put a loss in brackets, the currency and the scale inside or outside of them. "Q4" and "5G" are words.
    rf"(?<!\w)(?P<sign>[-−]\s?)?{_CURRENCY}(?P<open>\()?{_CURRENCY}(?P<minus>[-−]\s?)?"
    rf"(?P<digits>\d[\d,]*(?:\.\d+)?|\.\d+)\s?(?P<inner>{_SCALE})?(?(open)\))\s?(?P<outer>{_SCALE})?(?!\w)",
    re.IGNORECASE,
)
_ABOUT = re.compile(r"(?:approximately|about|around)\s+", re.IGNORECASE)
# As in ５０％; the comma parts a list.
_FULL_WIDTH = str.maketrans({chr(code + 0xFEE0): chr(code) for code in range(0x21, 0x7F) if code != ord(",")})
BETWEEN = re.compile(r",\s+|[、，]\s*|،\s+|\n")  # of a list, in any script
_BETWEEN_NUMBERS = re.compile(r",?\s+and\s+|[,;]\s+|[、，]\s*|،\s+|\n", re.IGNORECASE)


class Number(NamedTuple):
    """A value in units, and the worth of its last written digit: "6.5 million" is (6500000, 100000)."""

    value: float
    unit: float


def numeric_match(prediction: str, reference: str) -> float:
    """100 where the prediction gives the reference's numbers, or its words where it is no number; else 0.

    Two numbers are the same if they agree to the last digit of the one that is written less precisely, and differ by
    no more than 1 %. 25% is 0.25, and sign and scale have to be right; the currency does not count. A prediction may
    put words around its one number, before commas and in lines of their own, too. Several answers are compared as a
    set, each between commas.

    >>> [numeric_match(said, "22.22%") for said in ("It fell by 22.2 %", "0.2222", "22.22", "23%")]
    [100.0, 100.0, 0.0, 0.0]
    >>> [numeric_match(said, "6.5 million") for said in ("$6,500 thousand", "6500000", "6.5")]
    [100.0, 100.0, 0.0]
    >>> [numeric_match(said, "-12.6") for said in ("(12.6)", "-12.60", "12.6")]
    [100.0, 100.0, 0.0]
    >>> [numeric_match(said, "$(9.8) million") for said in ("-9.8 million", "a loss of $(9.8m)", "9.8 million")]
    [100.0, 100.0, 0.0]
    >>> numeric_match("In total, 6.5 millions", "6.5 million")
    100.0
    >>> numeric_match("2018", "2019"), numeric_match("2018 and 2019", "2019")
    (0.0, 0.0)
    >>> numeric_match("５０％", "0.5"), numeric_match("9" * 310, "5")
    (100.0, 0.0)
    >>> numeric_match("795 thousand and 772 thousand", "772 thousand, 795 thousand")
    100.0
    >>> [numeric_match(said, "Ferries, Repair of ships") for said in ("the repair of ships, Ferries", "Ferries")]
    [100.0, 0.0]
    """
    prediction, reference = prediction.translate(_FULL_WIDTH), reference.translate(_FULL_WIDTH)
    gold = _pieces(BETWEEN, reference)
    numbers = [_alone(piece) for piece in gold]
    if len(numbers) == 1 and numbers[0] is not None:
        return 100.0 if _gives(prediction, numbers[0]) else 0.0
    if None in numbers and _same_words(prediction, reference):  # whatever commas they hold
        return 100.0
    several = len(gold) > 1 and None not in numbers
    left = _pieces(_BETWEEN_NUMBERS if several else BETWEEN, prediction)
    if len(left) != len(gold):
        return 0.0
    for piece, number in zip(gold, numbers, strict=True):
        fitting = next((said for said in left if _fits(said, piece, number)), None)
        if fitting is None:
            return 0.0
        left.remove(fitting)
    return 100.0


def _pieces(between: re.Pattern[str], text: str) -> list[str]:
    return [piece for piece in between.split(text) if piece.strip()]


def _fits(said: str, piece: str, number: Number | None) -> bool:
    return _same_words(said, piece) if number is None else _gives(said, number)


def _same_words(said: str, gold: str) -> bool:
    form = normal_form(gold)
    return form(said) == form(gold)


def _gives(said: str, number: Number) -> bool:
    given = _alone(said) or _within(said)
    return given is not None and _same(given, number)


def _alone(text: str) -> Number | None:
    """The number that the text is, and nothing else."""
    match = _NUMBER.fullmatch(_ABOUT.sub("", text.strip().rstrip("."), count=1))
    return None if match is None else _number(match)


def _within(text: str) -> Number | None:
    """The one number of a text."""
    matches = list(_NUMBER.finditer(text))
    return _number(matches[0]) if len(matches) == 1 else None


def _number(match: re.Match[str]) -> Number | None:
    """None beyond the largest float: infinity would be near every number, so such digits are words."""
    digits, scale = match["digits"].replace(",", ""), (match["inner"] or match["outer"] or "").lower()
    power = -2 if scale == "%" or scale.startswith("per") else _SCALES.get(scale.removesuffix("s"), 0)
    sign = -1 if match["sign"] or match["open"] or match["minus"] else 1
    decimals = len(digits.partition(".")[2])
    number = Number(sign * float(digits) * 10.0**power, 10.0 ** (power - decimals))
    return number if math.isfinite(number.value) else None


def _same(first: Number, other: Number) -> bool:
    difference = abs(first.value - other.value)
    slack = 1e-9 * max(abs(first.value), abs(other.value))  # of binary fractions
    most = min(max(first.unit, other.unit) / 2, RELATIVE * max(abs(first.value), abs(other.value)))
    return difference <= most + slack
