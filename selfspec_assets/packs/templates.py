"""Prompt templates of packs: a small part of Jinja, checked whole when a template is loaded. Pure.

A pack may come from elsewhere, so a template can do two things only: put its variables into text, and leave parts of
the text out. There are no loops, calls, attributes or arithmetic on texts, so what it writes grows no faster than what
stands in it; and it is rendered in Jinja's immutable sandbox, without a loader, in case something was overlooked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.text_file import read_text

MAX_CHARACTERS = 100_000  # of a template; those of the shipped packs have 2,000
FILTERS = frozenset({"capitalize", "default", "length", "lower", "title", "trim", "upper"})
TESTS = frozenset({"defined", "equalto", "even", "none", "odd", "string"})
_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
)
_ENVIRONMENT.globals.clear()
_LABEL = re.compile(r"^[ \t]*(?:\{%[^%]*%\}[ \t]*)*[#*_ \t]{0,8}([^\W\d_][\w ]{0,30})[*_]{0,3}[:：]", re.MULTILINE)
_ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Concat, nodes.Filter, nodes.Test),
)
_HERE = (
    "a template knows {{ variables }}, {% if %} with comparisons, ~, the tests "
    f"{', '.join(sorted(TESTS))} and the filters {', '.join(sorted(FILTERS))}"
)


@dataclass(frozen=True)
class Template:
    """A Jinja template, parsed when loaded, rendered in a sandbox without loaders."""

    path: Path
    source: str

    @classmethod
    def load(cls, path: Path, examples: Mapping[str, object], required: frozenset[str] = frozenset()) -> "Template":
        """Read and check a template, and render it with the examples and with empty texts in their place.

        Args:
            path: of the file.
            examples: every variable that the template may use, with a value of the type that it will have.
            required: variables that the template must use.

        Raises:
            SelfspecError: unreadable file, syntax error, a construct that is not among those above (both with the
                line), a variable that is unknown or never used, or it cannot be rendered.
        """
        source = read_text(path)
        if len(source) > MAX_CHARACTERS:
            raise SelfspecError(path, f"the template has more than {MAX_CHARACTERS:,} characters", "shorten it")
        used = _variables(path, source)
        for name, line in used.items():
            if name not in examples:
                remedy = f"{did_you_mean(name, examples)}known here: {', '.join(sorted(examples))}"
                raise SelfspecError(f"{path}:{line}", f"unknown template variable '{name}'", remedy)
        if missing := sorted(required - used.keys()):
            raise SelfspecError(
                path, f"the template never uses '{missing[0]}'", f"add {{{{ {missing[0]} }}}} where it belongs"
            )
        template = cls(path, source)
        template.render(**examples)
        template.render(**{name: "" if isinstance(value, str) else value for name, value in examples.items()})
        return template

    @property
    def labels(self) -> tuple[str, ...]:
        """The words that begin its lines as labels, ``Input`` of ``Input: {{ input }}``, in their order.

        A base model that has answered goes on with them, so they end its texts.
        """
        return tuple(dict.fromkeys(match[1].strip() for match in _LABEL.finditer(self.source)))

    def render(self, **values: object) -> str:
        """The text without white space at its ends.

        Raises:
            SelfspecError: an expression has no value, such as a text compared with a number.
        """
        try:
            return _ENVIRONMENT.from_string(self.source).render(**values).strip()
        except (jinja2.TemplateError, TypeError, ValueError, RecursionError, SyntaxError) as error:
            # The last two: branches within branches that Jinja reads and Python, which it writes, does not.
            raise SelfspecError(self.path, f"rendering failed: {error}", "correct the template") from error


def _variables(path: Path, source: str) -> dict[str, int]:
    """Name → line of every variable of a template that holds nothing forbidden."""
    variables: dict[str, int] = {}
    try:
        for node in _all(_ENVIRONMENT.parse(source)):
            if (problem := _problem(node)) is not None:
                raise SelfspecError(f"{path}:{node.lineno}", problem, _HERE)
            if isinstance(node, nodes.Name):
                variables.setdefault(node.name, node.lineno)
    except jinja2.TemplateSyntaxError as error:
        raise SelfspecError(
            f"{path}:{error.lineno}", f"broken template: {error.message}", "correct the line"
        ) from error
    except RecursionError:
        raise SelfspecError(path, "the template is nested too deep", "write it flatter") from None
    return variables


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _problem(node: nodes.Node) -> str | None:
    """Why a template may not hold the node, or None."""
    if isinstance(node, nodes.Include | nodes.Import | nodes.FromImport | nodes.Extends):
        return "a prompt template may not include other templates"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"filter '{node.name}' is not for prompt templates"
    if isinstance(node, nodes.Test) and node.name not in TESTS:
        return f"test '{node.name}' is not for prompt templates"
    if isinstance(node, _ALLOWED):
        return None
    return f"{type(node).__name__.lower()} is not for prompt templates"
