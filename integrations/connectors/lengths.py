"""Lengths of texts as vendors count them: servers in Java and .NET count in units of UTF-16, where an emoji is two."""


def units(text: str) -> int:
    """Count the UTF-16 units of a text."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, longest: int) -> str:
    """Give as much of the beginning of a text as fits into so many units, without halving a sign."""
    return text.encode("utf-16-le", "surrogatepass")[: 2 * max(longest, 0)].decode("utf-16-le", "ignore")
