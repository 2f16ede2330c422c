"""Copy and table drills: plain sequences, keys and values to be looked up again.

A small model learns late, or never, to copy a name from its context. Drills make most of
a document predictable by copying alone, which is what sets the skill off.
"""

from __future__ import annotations

from random import Random

from nano.world.holdout import held_out
from nano.world.names import Kind, words

WORDS = words(
    "red blue green north south old new small large left right open closed early late paper "
    "stone river garden window bread copper winter summer morning evening yellow silver wool"
)

TABLES = (
    "{k}: {v}", "{k} = {v}", "{k} - {v}", "| {k} | {v} |", "{k} has {v}.", "{k} <{v}>",
    "The value of {k} is {v}.", "{k} goes with {v}.", "{v} belongs to {k}.", "{k} is {v}.",
)  # fmt: skip
QUERIES = (
    "Find {k}: {v}", "Question: {k}\nAnswer: {v}", "{k}? {v}", "What goes with {k}? {v}",
    "Question: What is {k}?\nAnswer: {v}", "Q: {k} A: {v}", "Look up {k}. Result: {v}",
    "Question: What belongs to {k}?\nAnswer: {v}", "Input: {k}\nResponse: {v}",
)  # fmt: skip
CHECKS = (
    "Is {k} {v}? {a}", "Does {k} go with {v}? {a}", "Question: Is it {v} for {k}?\nAnswer: {a}",
    "Does {v} belong to {k}? {a}", "{k} with {v}? {a}", "Question: Does {k} have {v}?\nResponse: {a}",
)  # fmt: skip


class Drills:
    """Writes drills, without reserved names and without held-out pairs."""

    def __init__(self, kinds: tuple[Kind, ...], reserved: frozenset[str]) -> None:
        self._kinds, self._reserved = kinds, reserved

    def _thing(self, rng: Random) -> str:
        draw = rng.random()
        if draw < 0.7:
            name = rng.choice(self._kinds).coin(rng)
            return name if name not in self._reserved else rng.choice(WORDS)
        if draw < 0.85:
            return rng.choice(WORDS)
        return str(rng.randint(2, 999))

    def _pairs(self, rng: Random, count: int) -> list[tuple[str, str]]:
        pairs: dict[str, str] = {}
        while len(pairs) < count:
            first, second = self._thing(rng), self._thing(rng)
            if first != second and not held_out(first, second):
                pairs[first] = second
        return list(pairs.items())

    def repeat(self, rng: Random) -> str:
        """Say a list two or three times."""
        names = [self._thing(rng) for _ in range(rng.randint(3, 12))]
        separator = rng.choice((", ", " ", "; ", "\n", " and "))
        line = separator.join(names)
        link = rng.choice(("\n", "\nAgain: ", "\nCopy: ", "\n\n", "\nOnce more: ", " | "))
        return link.join([line] * rng.choice((2, 2, 3)))

    def lookup(self, rng: Random) -> str:
        """Give a table of keys and values, then look keys up in another order."""
        pairs = self._pairs(rng, rng.choice((2, 3, 3, 4, 5, 6)))
        form = rng.choice(TABLES)
        ask = rng.choice(QUERIES) if rng.random() < 0.7 else form
        again = rng.sample(pairs, len(pairs))
        if ask != form and rng.random() < 0.25:
            again = [(value, key) for key, value in again]
        separator = rng.choice(("\n", "\n", " "))
        table = separator.join(form.format(k=k, v=v) for k, v in pairs)
        return table + "\n\n" + "\n".join(ask.format(k=k, v=v) for k, v in again)

    def check(self, rng: Random) -> str:
        """Give a table of keys and values, then ask of pairs whether they stand in it."""
        pairs = self._pairs(rng, rng.choice((2, 2, 3, 3, 4)))
        form, ask = rng.choice(TABLES), rng.choice(CHECKS)
        lines = []
        for _ in range(2):
            for key, value in rng.sample(pairs, len(pairs)):
                other = rng.choice(pairs)[1] if rng.random() < 0.6 else value
                if not held_out(key, other):
                    lines.append(ask.format(k=key, v=other, a="yes" if other == value else "no"))
        return "\n".join(form.format(k=k, v=v) for k, v in pairs) + "\n\n" + "\n".join(dict.fromkeys(lines))

    def pick(self, rng: Random) -> str:
        """Copy what is named out of a line of things."""
        names = list(dict.fromkeys(self._thing(rng) for _ in range(rng.randint(3, 7))))
        lines = []
        for place in rng.sample(range(len(names)), min(3, len(names))):
            following = names[place + 1] if place + 1 < len(names) else ""
            if following and not held_out(names[place], following) and rng.random() < 0.5:
                lines.append(f"After {names[place]}: {following}")
            else:
                order = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")[place]
                lines.append(f"The {order}: {names[place]}")
        return "List: " + ", ".join(names) + "\n" + "\n".join(lines)

    def write(self, rng: Random) -> str:
        """Write a document of a few drills."""
        kinds = (self.repeat, self.lookup, self.lookup, self.lookup, self.check, self.check, self.pick)
        return "\n\n".join(rng.choice(kinds)(rng) for _ in range(rng.randint(1, 4)))
