"""The survey file: everything a person decides, validated and frozen.

A survey is a tree of frozen pydantic models that forbid unknown keys; each room of the package
brings its own section. `load` reads the YAML, resolves relative paths against the file's folder and
turns every mistake into one `SurveyError` that names the key, what is wrong there and how to fix
it. The canonical JSON of its sections is what the ledger's fingerprints are made of.
"""

from minecover.survey.document import Survey, load
from minecover.survey.places import path_keys

__all__ = ["Survey", "load", "path_keys"]
