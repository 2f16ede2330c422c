"""Options given by name to a function or a class: checked against its parameters and their annotations. Pure."""

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import ValidationError, create_model

from selfspec_assets.base.errors import SelfspecError, did_you_mean
from selfspec_assets.base.strict import Strict

_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def parameters(function: Callable[..., object], skip: int) -> dict[str, inspect.Parameter]:
    """The parameters that are options: all behind the first ``skip``, of a class those of its constructor."""
    behind = list(inspect.signature(function).parameters.items())[skip:]
    return {name: parameter for name, parameter in behind if parameter.kind not in _VARIABLE}


def checked_options(
    function: Callable[..., object], given: Mapping[str, object], what: str, place: object, *, skip: int
) -> dict[str, Any]:
    """Every option with its value, those that were not given with their default.

    Args:
        what: "reader 'table'", for the message.
        place: of the file and key that gives the options.
        skip: how many parameters at the front are no options.

    Raises:
        SelfspecError: an option is missing, unknown, or of another type than its annotation says.
        TypeError, ValueError, NameError: the function has no signature, or is annotated with what there is not.
    """
    known = parameters(function, skip)
    annotations = {name: p.annotation for name, p in known.items() if p.annotation is not p.empty}
    # A pack's module is in no table of modules: names in quotes are looked up where the code itself looks.
    code: Any = function.__init__ if inspect.isclass(function) else inspect.unwrap(function)
    scope = getattr(code, "__globals__", {})
    # Of the options alone: what stands before them may be annotated with a type that is not imported.
    holder: Any = SimpleNamespace(__annotations__=annotations)
    hints = get_type_hints(holder, globalns=scope, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints.get(name, Any), ... if p.default is p.empty else p.default) for name, p in known.items()
    }
    try:
        model = create_model(function.__name__, __base__=Strict, **fields).model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0])
        reason = f"option '{option}' of {what}: {first['msg'].removeprefix('Value error, ')}"
        guess = did_you_mean(option, list(known)) if first["type"] == "extra_forbidden" else ""
        raise SelfspecError(place, reason, f"{guess}options: {', '.join(known) or 'none'}") from error
    return {name: getattr(model, name) for name in fields}
