"""Project templates of `retread init`: one folder per template, and `shared` for all of them.

>>> from retread.project.templates import template_names
>>> template_names()
('bikes', 'blank', 'iris', 'tires')
"""

from retread.project.templates.files import template_files, template_names

__all__ = ["template_files", "template_names"]
