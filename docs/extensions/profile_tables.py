"""The profiles of providers, from their files."""

from __future__ import annotations

from markup import table

from minecover.survey import profile

__all__ = ["profiles"]


def profiles() -> str:
    """List the profiles with what their first lines say."""
    rows = []
    for name, text in profile.profiles().items():
        lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
        sources = ", ".join(profile.profile_of(name)["sources"])
        rows.append((f"`{name}`", " ".join(lines), sources))
    return table(("`catalog.profile`", "what it is", "sources"), rows)
