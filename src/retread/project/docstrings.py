"""What the settings mean: the texts below the keys of a section, read from its source.

Pydantic would read them whenever the settings are imported, for two fifths of that time in every
command and service; only a description of the settings needs them.
"""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise

from pydantic import BaseModel


def key_docstrings(section: type[BaseModel]) -> dict[str, str]:
    """Return the text below each key of a section that has one, by key.

    >>> from retread.project.settings import Settings
    >>> key_docstrings(Settings)["compute"]
    'Where training runs.'
    """
    texts: dict[str, str] = {}
    for kind in reversed(section.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            texts |= _own_docstrings(kind)
    return texts


def _own_docstrings(section: type[BaseModel]) -> dict[str, str]:
    (definition,) = ast.parse(inspect.getsource(section)).body
    assert isinstance(definition, ast.ClassDef), "it is the source of a class"
    texts = {}
    for key, text in pairwise(definition.body):
        match key, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(words))),
            ):
                texts[name] = inspect.cleandoc(words)
    return texts
