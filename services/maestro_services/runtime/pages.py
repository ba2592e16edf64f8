"""Pages of lists."""

from maestro_services.runtime.errors import invalid_field


def page_size(requested: int, default: int, maximum: int) -> int:
    """How many to answer: the default for 0, at most the maximum."""
    if requested < 0:
        raise invalid_field("page_size", "must not be negative")
    return min(requested or default, maximum)
