"""The address of each law's page."""

PAGE = "docs/testing-your-own.md"


def page(law: str) -> str:
    """Where the law is explained, with its usual cause and remedy: a page of the documentation, and the place in it."""
    return f"{PAGE}#law-{law}"
