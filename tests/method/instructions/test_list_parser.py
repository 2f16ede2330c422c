"""The list parser on the messes that models write, the filters, and the guard against benchmark items."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from selfspec_assets.method.instructions.list_parser import (
    BenchmarkGuard,
    InstructionFilter,
    ParsedItem,
    parse_instruction_list,
)
from selfspec_assets.packs.records import without_marks
from tests.rows import benchmark_item


def pairs(text: str, first: int = 4, hit_limit: bool = False) -> list[tuple[str, str]]:
    return [(item.instruction, item.input) for item in parse_instruction_list(text, first, hit_limit)]


def test_the_format_that_the_prompt_sets() -> None:
    text = " List drugs.\nInput: Fever\n\n5. Instruction: Name the gene.\nInput: BRCA1 is\nmutated.\n"
    assert parse_instruction_list(text, 4, hit_limit=False) == [
        ParsedItem(4, "List drugs.", "Fever", None),
        ParsedItem(5, "Name the gene.", "BRCA1 is\nmutated.", None),
    ]


@pytest.mark.parametrize("header", [
    "5. Instruction: ", "5) Instruction: ", "5: Instruction: ", "(5) Instruction: ", "[5] Instruction: ",
    "#5 Instruction: ", "5 Instruction: ", "5.Instruction:", "  5. instruction: ", "5. INSTRUCTION : ",
    "**5.** Instruction: ",
    "**5. Instruction:** ", "**5. Instruction**: ", "5. **Instruction:** ", "### 5. Instruction: ",
    "###\n5. Instruction: ",
    "---\n\n5. Instruction: ", "Task 5: ", "Task 5: Instruction: ",
    "Task 5:\nInstruction: ",
    "## Task 5\n\nInstruction: ", "**Task 5:** ", "Instruction 5: ", "5.\nInstruction: ", "5.\n\n**Instruction:** ",
    "5. Task: ",
    "Item 5. Instruction: ", "5. ", "5) ", "5: ", "**5.** ", "### 5. ", "7. Instruction: ", "1. Instruction: ",
    "5. Instruction：", "5.\n", "* 5. Instruction: ", "> 5. Instruction: ",
])  # fmt: skip
@pytest.mark.parametrize("gap", ["\n", "\n\n", "\r\n", "\r\n\r\n", " \n\n\n"])
def test_numbering_styles(header: str, gap: str) -> None:
    text = f" List drugs.{gap}Input: Fever{gap}{header}Name the gene.{gap}Input: BRCA1"
    assert pairs(text) == [("List drugs.", "Fever"), ("Name the gene.", "BRCA1")]


@pytest.mark.parametrize(
    "label",
    [
        "Input:",
        "input:",
        "INPUT:",
        "**Input:**",
        "**Input**:",
        "### Input:",
        "4. Input:",
        "Inputs:",
        "Input :",
        "Example input:",
        "Input (abstract):",
        "  Input:",
        "Input:\n",
        "**4. Input:**",
    ],
)
def test_input_labels(label: str) -> None:
    assert pairs(f" List drugs.\n{label} Fever\n\n5. Instruction: Go on.") == [("List drugs.", "Fever"), ("Go on.", "")]


def test_an_input_on_the_instructions_own_line() -> None:
    assert pairs(" Classify the sentence. Input: It hurts.\n\n5. Instruction: Is input: a word?\n") == [
        ("Classify the sentence.", "It hurts."),
        ("Is input: a word?", ""),
    ]


@pytest.mark.parametrize(
    "none",
    [
        "",
        "<noinput>",
        "<noInput>",
        "noinput",
        "None",
        "none.",
        "n/a",
        "N/A",
        "N/A.",
        "No input",
        "-",
        "—",
        "(no input)",
        "[None]",
        '"none"',
        "**N/A**",
        "No input needed.",
        "<no input>",
        "\n\n",
        "Not applicable",
    ],
)
def test_inputs_that_say_none(none: str) -> None:
    assert pairs(f" List drugs.\nInput: {none}\n\n5. Instruction: Next one.\nInput: x") == [
        ("List drugs.", ""),
        ("Next one.", "x"),
    ]


@pytest.mark.parametrize("given_input", ["None of the patients recovered.", "-5 mmol/L", "n/a for 3 of 5 rows"])
def test_inputs_that_only_begin_like_none(given_input: str) -> None:
    assert pairs(f" Explain it well.\nInput: {given_input}") == [("Explain it well.", given_input)]


def test_a_missing_label_among_labelled_items() -> None:
    text = " A a.\nInput: x\n\n5. B b.\nInput: y\n\n6. Instruction: C c.\nInput: z\n\n7. D d.\nInput: none"
    assert pairs(text) == [("A a.", "x"), ("B b.", "y"), ("C c.", "z"), ("D d.", "")]


INNER = [
    "Steps:\n1. Wash hands.\n2. Take blood.\n3. Label it.",
    "1. Wash\n2. Take\n3. Label\n4. Store\n5. Ship\n6. Receive\n7. Discard",
    "1) one\n\n2) two\n\n3) three",
    "| gene | count |\n|---|---|\n| BRCA1 | 5. |\n| TP53 | 6 |",
    "Dose 5. Then 6.\n5 mg daily\n5.5 mg nightly\n5:30 pm",
    "Table 5: values\n12. June\n2019. A year",
    "First paragraph.\n\nSecond paragraph.\n\n\nThird.",
    "Instruction: take two daily.\nInstructions for use follow.",
    "Question: who?\nContext: input: none",
]


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("label", ["Instruction: ", ""])
def test_inputs_of_many_lines_stay_whole(inner: str, label: str) -> None:
    text = f" Sum up.\nInput: {inner}\n\n5. {label}Next task.\nInput: x\n\n6. {label}Last task.\nInput: y"
    assert pairs(text) == [("Sum up.", inner), ("Next task.", "x"), ("Last task.", "y")]


TEMPLATE = "### Instruction:\nClassify the text.\n\n### Input:\nIt hurts.\n\n### Response:\nnegative"
MARKED = [
    TEMPLATE,
    f"Mend this prompt:\n{TEMPLATE}",
    f"Mend this prompt:\n\n{TEMPLATE}",
    f"{TEMPLATE}\n\n{TEMPLATE}",
    "1. Instruction: wash hands\n2. Instruction: take blood",
    "Steps:\n\n1. Task: wash\n2. Task: take\n9. Task: ship",
    "Task 1: wash\nTask 2: take",
    "## Instruction: wash hands",
]


@pytest.mark.parametrize("inner", MARKED)
@pytest.mark.parametrize("gap", [" ", "\n"])
def test_markers_within_an_input_are_data(inner: str, gap: str) -> None:
    text = f" Sum up.\nInput:{gap}{inner}\n\n5. Instruction: Go on.\nInput:{gap}{inner}\n\n6. Instruction: End."
    assert pairs(text) == [("Sum up.", inner), ("Go on.", inner), ("End.", "")]


def test_a_heading_within_the_last_items_input_is_data() -> None:
    assert pairs(f" Sum up.\nInput: Mend this prompt:\n{TEMPLATE}") == [("Sum up.", f"Mend this prompt:\n{TEMPLATE}")]


@pytest.mark.parametrize("header", ["### Instruction:\n", "### Instruction: "])
@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", " \n\n\n"])
def test_a_heading_after_a_blank_line_opens_an_item(header: str, gap: str) -> None:
    text = f" List drugs.{gap}Input: Fever{gap}{header}Name the gene.{gap}Input: BRCA1"
    assert pairs(text) == [("List drugs.", "Fever"), ("Name the gene.", "BRCA1")]


def test_a_list_of_headings_is_read() -> None:
    text = f" Sum up.\nInput: x\n\n{TEMPLATE}\n\n### Instruction:\nGo on."
    assert pairs(text) == [("Sum up.", "x"), ("Classify the text.", "It hurts."), ("Go on.", "")]


@pytest.mark.parametrize("numbers", [(5, 6, 7), (5, 5, 6), (6, 7, 8), (1, 2, 3), (5, 7, 8), (9, 9, 9)])
def test_items_that_are_numbered_otherwise_are_items(numbers: tuple[int, ...]) -> None:
    text = " A a.\nInput: x" + "".join(f"\n\n{n}. Instruction: B{i} b.\nInput: y" for i, n in enumerate(numbers))
    assert pairs(text) == [("A a.", "x"), *((f"B{i} b.", "y") for i in range(3))]


def test_inner_lists_in_an_instruction() -> None:
    text = " Choose one:\n1. cold\n2. flu\nInput: fever\n\n5. Instruction: Go on now.\n"
    assert pairs(text) == [("Choose one:\n1. cold\n2. flu", "fever"), ("Go on now.", "")]


def test_an_inner_list_that_reaches_the_expected_number_without_labels() -> None:
    text = " Sort it.\nInput:\n3. c\n4. d\n5. e\n\n5. Next task.\nInput: y"
    assert pairs(text) == [("Sort it.", "3. c\n4. d\n5. e"), ("Next task.", "y")]


def test_a_compact_list_without_labels_or_inputs() -> None:
    assert pairs(" List drugs.\n5. Name genes.\n6. Find cells.\n8. Not expected.\n7. Cut DNA.") == [
        ("List drugs.", ""),
        ("Name genes.", ""),
        ("Find cells.\n8. Not expected.", ""),
        ("Cut DNA.", ""),
    ]


def test_a_list_without_numbers() -> None:
    text = " List drugs.\nInput: Fever\n\nInstruction: Name genes.\nInput: BRCA1\nInstruction: see\n\nInstruction: End."
    assert pairs(text) == [("List drugs.", "Fever"), ("Name genes.", "BRCA1\nInstruction: see"), ("End.", "")]


@pytest.mark.parametrize(
    "opening",
    [
        "4. Instruction: ",
        "Instruction: ",
        "\n\n4. Instruction:\n",
        "4. ",
        "### Instruction:\n",
        "Sure! Here are the tasks:\n\n4. Instruction: ",
        "###\n4. Instruction: ",
    ],
)
def test_the_prompts_own_header_repeated(opening: str) -> None:
    assert pairs(f"{opening}List drugs.\nInput: Fever\n\n5. Instruction: Go on.") == [
        ("List drugs.", "Fever"),
        ("Go on.", ""),
    ]


def test_a_first_item_left_out_is_an_empty_item() -> None:
    assert [(i.position, i.problem) for i in parse_instruction_list("\n\n5. Instruction: Go on.", 4, False)] == [
        (4, "empty"),
        (5, None),
    ]


@pytest.mark.parametrize(
    "label",
    [
        "Output:",
        "output:",
        "**Output:**",
        "### Response:",
        "Response:",
        "Answer:",
        "4. Output:",
        "Expected output:",
        "Answers:",
    ],
)
def test_an_answer_that_was_written_anyway_is_cut(label: str) -> None:
    text = f" List drugs.\nInput: Fever\nand cough\n{label} aspirin\nmore\n\n5. Instruction: Go on.\n{label} yes"
    assert pairs(text) == [("List drugs.", "Fever\nand cough"), ("Go on.", "")]


@pytest.mark.parametrize(("raw", "clean"), [
    ('"List the drugs."', "List the drugs."), ("“List the drugs.”", "List the drugs."), ("'List the drugs.'",
    "List the drugs."),
    ("**List the drugs.**", "List the drugs."), ('"List the drugs.', "List the drugs."), ('"A" or "B"', '"A" or "B"'),
    ("'A' or 'B'", "'A' or 'B'"), ('a length of 5"', 'a length of 5"'), ("  x \t", "x"), ("x\n---", "x"), ("x\n\n###",
    "x"), ('"', ""),
])  # fmt: skip
def test_quotes_and_rules_around_a_text(raw: str, clean: str) -> None:
    assert pairs(f" {raw}\nInput: {raw}\n") == [(clean, clean)]


def test_the_last_item_at_the_length_limit() -> None:
    text = " A a.\nInput: x\n\n5. Instruction: B b.\nInput: cut in the mid"
    assert [i.problem for i in parse_instruction_list(text, 4, hit_limit=True)] == [None, "truncated"]
    assert [i.problem for i in parse_instruction_list(text, 4, hit_limit=False)] == [None, None]
    assert [i.problem for i in parse_instruction_list(text + "\n\n6. Instruction:", 4, hit_limit=True)] == [
        None,
        None,
        "truncated",
    ]
    assert [i.problem for i in parse_instruction_list(text + "\n\n6. Instruction:", 4, hit_limit=False)] == [
        None,
        None,
        "empty",
    ]
    assert parse_instruction_list("", 4, hit_limit=False) == [ParsedItem(4, "", "", "empty")]


fragments = st.sampled_from([
    "\n", "\n\n", "\r\n", " ", "4", "5", "6", ". ", ") ", ": ", "Instruction", "Instruction:", "Input:", "Output:",
    "###", "**", "Task ",
    "drug", '"', "-", "<noinput>", "5. Instruction: ", "\n6. ", "(", "[", "٥", "é", "\ud800", "\x00", "\u2028", "1. ",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(), st.lists(fragments, max_size=40).map("".join)), st.integers(-3, 30), st.booleans())
@example("\n".join(f"{i}. x" for i in range(30)), 4, True)
def test_never_raises_and_items_are_whole(text: str, first: int, hit_limit: bool) -> None:
    items = parse_instruction_list(text, first, hit_limit)
    assert [item.position for item in items] == list(range(first, first + len(items))) != []
    for item in items:
        assert item.instruction == item.instruction.strip()
        assert item.input == item.input.strip()
        assert item.instruction in text.replace("\r", "\n") or "\n" in item.instruction
        assert item.problem in (None, "empty", "truncated")
        assert bool(item.instruction) or item.problem
    assert (items[-1].problem == "truncated") == hit_limit


word = st.text(alphabet="abcdefgh", min_size=1, max_size=6)
phrase = st.lists(word, min_size=1, max_size=8).map(lambda words: "do " + " ".join(words))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(phrase, st.one_of(st.just(""), phrase)), min_size=1, max_size=20),
    st.integers(1, 9),
    st.sampled_from(["{}. Instruction: ", "{}) ", "**{}.** ", "### {}. Instruction: ", "Task {}: "]),
)
def test_what_is_written_is_read_back(items: list[tuple[str, str]], first: int, header: str) -> None:
    bodies = [f"{instruction}\nInput: {given or '<noinput>'}\n\n" for instruction, given in items]
    text = bodies[0] + "".join(header.format(first + i) + body for i, body in enumerate(bodies) if i)
    assert pairs(text, first) == items


@pytest.mark.parametrize(
    "unit",
    [
        "#",
        " ",
        "\n",
        "5. ",
        "\n5. ",
        "Instruction:",
        "\nInstruction:\n",
        "\n*",
        "\n[[[",
        "\nInput:",
        '"',
        "(((",
        "\n1 \n",
        "\n5. Instruction: a",
        "\n 1.\n",
        "a. ",
        "[insert ",
    ],
)
def test_reading_time_does_not_explode(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    start = time.perf_counter()
    parse_instruction_list(text, 4, False)
    InstructionFilter(["map"], 0, 10**9).reason("a " + text, text)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(("instruction", "reason"), [
    ("", "empty"), (" \n", "empty"), ("Name it", "too_short"), ("Name the gene", None), ("w " * 150, None),
    ("w " * 151, "too_long"),
    ("1. Name the gene", "not_a_letter"), ("(Name the gene)", "not_a_letter"), ("Über die Gene schreiben",
    "not_ascii_start"),
    ("“Name the gene”", "not_ascii_start"), ("Draw a MAP now", "banned_word:map"), ("Read the roadmap now", None),
    ("Make a go to  page now", "banned_word:go to"), ("Use C++ for it", "banned_word:c++"), ("Use C for it", None),
    ("Map, image and more", "banned_word:map"), ("Take the mapping along", None), ("Show the image-guided way",
    "banned_word:image"),
])  # fmt: skip
def test_filter_on_instructions(instruction: str, reason: str | None) -> None:
    banned = ["image", "images", "Map", "go to", "C++", ""]
    assert InstructionFilter(banned).reason(instruction, "some real input") == reason


@pytest.mark.parametrize(("language", "instruction", "reason"), [
    ("ru", "Назовите болезнь в тексте.", None), ("ja", "次の文から病名を挙げてください。", None),
    ("ja", "翻訳", "too_short"),
    ("zh", "列出文中提到的药物。", None), ("zh-Hant", "列出" * 80, "too_long"), ("hi", "रोग का नाम बताइए।", None),
    ("es", "¿Qué enfermedad se menciona?", None), ("fr", "Écrivez le nom.", None), ("de", "„Nenne“ die Gene.", None),
    ("ja", "「病名」を挙げてください。", None), ("ru", "1. Назовите болезнь", "not_a_letter"),
    ("ja", "…と言ってください", "not_a_letter"),
    ("ja", "この画像を説明してください。", "banned_word:画像"), ("ru", "Опишите ФОТО больного.", "banned_word:фото"),
    ("ru", "Опишите фотосинтез растения.", None), ("fr", "Décrivez une vide\u0301o courte.", "banned_word:vidéo"),
    ("en", "Écrivez le nom.", "not_ascii_start"), ("en-GB", "Назовите болезнь в тексте.", "not_ascii_start"),
])  # fmt: skip
def test_filter_follows_the_language_of_the_pack(language: str, instruction: str, reason: str | None) -> None:
    found = InstructionFilter(["画像", "фото", "vidéo"], language=language)
    assert found.reason(instruction, "") == reason


def test_filter_limits_and_no_banned_words() -> None:
    assert InstructionFilter([], min_words=1, max_words=2).reason("Map it", "") is None
    assert InstructionFilter([], min_words=1, max_words=2).reason("Map it now", "") == "too_long"


@pytest.mark.parametrize("given_input", [
    "[text]", "<text>", "...", "…", "{input}", "{{ input }}", "[Insert the abstract here, with its title.]",
    "<patient name>", "___",
    "[name], [date]", "[Name]\n[Date of birth]", "Abstract: [abstract text]", "(insert abstract here)",
    "Insert text here", "N/A here",
    "Your text here.", "XXXX", "[text]...", "Question: [question]\nContext: [context]", "[[abstract]]", "placeholder",
    "Lorem ipsum dolor sit amet",
])  # fmt: skip
def test_placeholder_inputs(given_input: str) -> None:
    assert InstructionFilter([]).reason("Name the gene", given_input) == "placeholder_input"


@pytest.mark.parametrize("given_input", [
    "", "aspirin", '{"gene": "TP53", "count": 3}', "[1, 2, 3]", "[aspirin, ibuprofen]", "The patient [name] is 45.",
    "<p>Fever</p>", "BRCA1 ... TP53", "(IL-6)", "Abstract: Aspirin helps.", "None of them.", "-", "The text", "x",
    "p < 0.05 and n > 3", "Text here is short.",
])  # fmt: skip
def test_real_inputs(given_input: str) -> None:
    assert InstructionFilter([]).reason("Name the gene", given_input) is None


LONG = "Twenty patients with severe fever were given aspirin or placebo daily for six weeks at three places in Norway."


GUARD = BenchmarkGuard([
    benchmark_item("pubmedqa", 0, "Answer yes or no.", LONG),
    benchmark_item("pubmedqa", 1, "Answer yes or no.", "Is aspirin safe?"),
    benchmark_item("drugs", 2, "Does β-carotene cause cancer?", ""),
    benchmark_item("drugs", 3, "Answer yes or no.", "Is aspirin safe?"),
    benchmark_item("drugs", 4, "", ""),
    benchmark_item("ja", 6, "答えなさい。", "メトホルミンは二型糖尿病の患者の血糖を下げますか。"),
    benchmark_item("ru", 7, "Ответьте.", "Снижает ли метформин сахар?"),
    benchmark_item(
        "ner", 5, "Mark the diseases in a sentence, then give them one by one in order of their first letter.", "…"
    ),
])  # fmt: skip


@pytest.mark.parametrize(("instruction", "given_input", "reason"), [
    ("Sum it up.", LONG, "pubmedqa/id0"), ("Sum it up.", LONG.upper().replace(" ", "\n") + "!!", "pubmedqa/id0"),
    ("Sum it up.", "We report this. " + LONG[:90] + " only.", "pubmedqa/id0"),
    ("Is this right: " + LONG, "", "pubmedqa/id0"), ("Is this right: " + LONG, "Some other input", "pubmedqa/id0"),
    ("Find out.", " ".join(LONG.split()[:13]), "pubmedqa/id0"), ("Find out.", " ".join(LONG.split()[1:13]), None),
    ("Find out.", "is ASPIRIN safe", "pubmedqa/id1"), ("Is aspirin safe?", "", "pubmedqa/id1"),
    ("Is aspirin safe now?", "", None),
    ("Find out.", "Is aspirin safe for children?", None), ("Does β carotene cause cancer", "", "drugs/id2"),
    ("調べなさい。", "質問：メトホルミンは二型糖尿病の患者に", "ja/id6"),
    ("調べなさい。", "メトホルミンは安全ですか。", None),
    ("Найдите.", "СНИЖАЕТ ЛИ МЕТФОРМИН САХАР", "ru/id7"), ("Найдите.", "Снижает ли метформин вес?", None),
    ("Answer yes or no.", "Is ibuprofen safe?", None), ("", "", None), ("...", "!", None),
])  # fmt: skip
def test_guard(instruction: str, given_input: str, reason: str | None) -> None:
    expected = None if reason is None else f"repeats_benchmark:{reason}"
    assert GUARD.reason(instruction, given_input) == expected


def test_guard_looks_past_the_marks_of_two_drugs() -> None:
    """The item and what is generated in its manner have them in other places; a citation is not such a mark."""
    marked = LONG.replace("aspirin", "[1]aspirin[/1]").replace("placebo", "[2]placebo[/2]")
    other = LONG.replace("fever", "[1]fever[/1]").replace("daily", "[2]daily[/2]")
    assert (
        BenchmarkGuard([benchmark_item("ddi", 0, "Answer.", marked)]).reason("Go on.", LONG)
        == "repeats_benchmark:ddi/id0"
    )
    assert (
        BenchmarkGuard([benchmark_item("ddi", 0, "Answer.", marked)]).reason("Go on.", other)
        == "repeats_benchmark:ddi/id0"
    )
    assert GUARD.reason("Go on.", other) == "repeats_benchmark:pubmedqa/id0"
    assert without_marks("See [1] and [2].") == "See [1] and [2]."


def test_guard_finds_every_run_and_no_shorter_one() -> None:
    words = LONG.rstrip(".").split()
    for start in range(len(words) - 12):
        assert GUARD.reason("Go on.", " ".join(["so", *words[start : start + 13], "then"])) is not None
        assert GUARD.reason("Go on.", " ".join(["so", *words[start : start + 12], "then"])) is None
