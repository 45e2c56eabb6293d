"""Small things of the language, said the same everywhere."""


def counted(count: int, one: str, many: str) -> str:
    """Write how many there are of something: 1 draft, 1,250 drafts."""
    return f"{count:,} {one if count == 1 else many}"
