"""What `retread init` lays down: one folder a template, and `shared` for what all have.

>>> from retread.project.templates import template_names
>>> template_names()
('bikes', 'blank', 'iris', 'tires')
"""

from retread.project.templates.files import template_files, template_names

__all__ = ["template_files", "template_names"]
