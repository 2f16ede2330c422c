"""How a p-value is worded, on a terminal, in the report and on cards alike."""

_LEAST = 0.001  # resampling tells no smaller ones apart


def p_value(value: float) -> str:
    """In a column that is headed p: ``0.042``, ``<0.001``."""
    return f"<{_LEAST}" if value < _LEAST else f"{value:.3f}"


def p_in_words(value: float) -> str:
    """In a sentence: ``p = 0.042``, ``p < 0.001``."""
    return f"p < {_LEAST}" if value < _LEAST else f"p = {value:.3f}"
