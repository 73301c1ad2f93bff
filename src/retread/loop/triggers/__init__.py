"""One kind of trigger a file, each pure.

A module has `observe(view) -> tuple[Proposal, ...]`, for what the loop should notice by itself,
or `ask(view, asked) -> Proposal`, for what is asked outright, or both. What `observe` proposes
again and again under one key is one trigger.
"""

__all__: list[str] = []
