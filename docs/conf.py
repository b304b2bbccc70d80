"""How the documentation is built: `make docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from minecover import __version__ as release

project, author = "minecover", "the minecover authors"
version = release
copyright = "the minecover authors, Apache-2.0"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "generated",
]
exclude_patterns = ["extensions"]

# pages
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are shown with the outputs that they hold
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

# what is generated from docstrings
default_role = "code"
nitpicky = True
# packages whose pages are not at hand, and types behind the face
nitpick_ignore_regex = [("py:.*", r"(?!minecover\.).*"), ("py:class", r"minecover\.\w+\..*")]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
napoleon_google_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True
maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

# look
html_theme = "furo"
html_title = "minecover"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = html_show_sourcelink = html_copy_source = False
pygments_style, pygments_dark_style = "friendly", "monokai"
