"""The directive `generated`: parts of pages that are made from the code.

Each name below makes a text of MyST Markdown whenever the pages are built, so that a page cannot
say anything else than the code does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import command_line
import docstrings
import feature_tables
import profile_tables
import python_face
import store_tables
import survey_keys
from docutils import nodes
from ipython_pygments_lexers import IPython3Lexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

PARTS: dict[str, Callable[[], str]] = {
    "keys": survey_keys.keys,
    "sections": survey_keys.sections,
    "models": survey_keys.models,
    "products": survey_keys.products,
    "commands": command_line.commands,
    "cube": store_tables.cube,
    "features": store_tables.features,
    "map": store_tables.map_,
    "store": store_tables.files,
    "feature-table": feature_tables.features,
    "tasselled-caps": feature_tables.tasselled_caps,
    "face": python_face.face,
    "profiles": profile_tables.profiles,
}


class Generated(SphinxDirective):
    """`{generated} NAME` puts one of `PARTS` in its place."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Make the text, and parse it as part of the page."""
        return self.parse_text_to_nodes(PARTS[self.arguments[0]](), allow_section_headings=True)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Add the directive, and what docstrings and notebooks need."""
    app.add_directive("generated", Generated)
    docstrings.setup(app)
    app.add_lexer("python", IPython3Lexer)  # notebooks have lines of the shell, too
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
