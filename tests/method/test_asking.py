"""Which seeds a list shows, how the model's text begins, and where an answer ends."""

import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from selfspec_assets.method.decoding import encode_prompt
from selfspec_assets.method.decoding.stop import cut
from selfspec_assets.method.instructions.asking import answer_stop, list_requests
from selfspec_assets.models.folder import ModelSpec
from selfspec_assets.packs.templates import Template
from selfspec_assets.recipe.sections import InstructionsSection
from tests.tiny_models import LLAMA3_SPLIT, byte_level_tokenizer, write_tokenizer

HEADER = Template(Path("list.j2"), "Write {{ count }} tasks.")
ANSWER = Template(
    Path("answer.j2"),
    "You are kind. Note: be brief.\n{% if passage %}\nPassage: {{ passage }}\n{% endif %}\nAufgabe: {{ instruction }}\n"
    "{% if input %}Case note: {{ input }}{% endif %}\n\n## Antwort:\n",
)


class OneSeed(NamedTuple):
    instruction: str
    input: str
    output: str
    demonstrates: str
    passage: str = ""


SEEDS = [
    OneSeed(f"Do {kind} {n}.", "", "x", kind) for kind, count in (("a", 9), ("b", 3), ("c", 1)) for n in range(count)
]


def section(**values: object) -> InstructionsSection:
    return InstructionsSection.model_validate(
        {"target": 9, "min_kept": 1, "max_requests": 9, "max_new_tokens": 9, "seeds_per_prompt": 3, **values}
    )


def test_mixed_seeds_are_a_draw_from_all() -> None:
    request = list_requests(HEADER, SEEDS, [5], section())[0]
    assert request.shown == random.Random(5).sample(SEEDS, 3)
    assert request.opening == "4. Instruction:"
    assert request.prompt.startswith("Write 20 tasks.\n\nList of 20 tasks:\n\n1. Instruction: Do ")
    assert not request.prompt.endswith(request.opening)


def test_seeds_of_one_task_come_from_each_task_alike() -> None:
    requests = list_requests(HEADER, SEEDS, range(300), section(show="same_task"))
    last = Counter(request.shown[-1].demonstrates for request in requests)
    assert all(70 < last[kind] < 130 for kind in "abc"), "however many seeds a task has"
    for request in requests:
        kind = request.shown[-1].demonstrates
        own = sum(seed.demonstrates == kind for seed in request.shown)
        assert own == min(3, sum(seed.demonstrates == kind for seed in SEEDS))
        assert len(set(request.shown)) == 3
        assert all(seed.demonstrates == kind for seed in request.shown[-own:]), "others fill up, in front"


def test_the_opening_follows_a_blank_line_or_begins_the_models_turn(tmp_path: Path) -> None:
    tokenizer = write_tokenizer(byte_level_tokenizer(LLAMA3_SPLIT, bos=True), tmp_path)
    plain = encode_prompt(tokenizer, "Write tasks.", "4. Instruction:")
    assert plain == encode_prompt(tokenizer, "Write tasks.\n\n4. Instruction:")
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    chat = tokenizer.decode(encode_prompt(tokenizer, "Write tasks.", "4. Instruction:"))
    assert chat.endswith("[user]Write tasks.[assistant]4. Instruction:")


def test_labels_are_read_off_the_template_and_end_a_bases_answer() -> None:
    assert ANSWER.labels == ("Passage", "Aufgabe", "Case note", "Antwort")
    base, chat = (answer_stop(ModelSpec("x", chat_template=use), ANSWER) for use in ("never", "always"))
    for text in ("yes\nAufgabe: Go on", "yes\n## Antwort:\nno", "yes\nQuestion: why", "yes\ncase note: none"):
        assert cut(text, base, ended=True) == ("yes", "label")
        assert cut(text, chat, ended=True) == (text, None), "a turn ends itself"
    assert chat.repeated_sentences
    assert chat.repeated_tokens
