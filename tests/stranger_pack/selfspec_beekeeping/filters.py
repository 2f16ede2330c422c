"""What a generated task of beekeeping must not be about."""


def too_dangerous(instruction: str, input: str) -> str | None:
    """Reject what could hurt somebody."""
    return "asks for poison" if "poison" in f"{instruction} {input}".lower() else None
