"""Text in Markdown."""


def safe(text: str) -> str:
    """No cell can end its own column, or hold HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
