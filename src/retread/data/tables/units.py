"""Recognise numbers that are written with a unit, a currency or a percent sign."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from retread.project.toml_text import as_key

_NEARLY_ALL = 0.9
_MAX_UNITS = 3
_MANY = 20
_CURRENCIES = r"[$€£¥₩₹]|USD|EUR|GBP|KRW|JPY|CHF|CNY|INR"
_BOUNDS = r"[<>\u2264\u2265~\u2248]=?"
_UNITS = (
    rf"%|‰|{_CURRENCIES}|°\s?[CF]?|℃|[kmcµ]?m[²³23]?|[km]?g|t|lbs?|oz|ft|in|mi|ml|l|m?s|min|h|d|"
    r"[kMG]?Hz|[kM]?Wh?|m?[VA]|[kMh]?Pa|m?bar|psi|rpm|km/h|m/s|mph|[kMGT]?B|pcs|units?"
)
_WORD = r"(?<= )[^\W\d_]{2,15}"
_WITH_UNIT = re.compile(
    rf"[+-]?(?P<before>{_CURRENCIES}|{_BOUNDS})?\s*[+-]?[0-9][0-9.,' ]*?\s*"
    rf"(?:(?P<after>{_UNITS})|(?P<word>{_WORD}))?"
)


def units_of(texts: Sequence[str]) -> list[str]:
    """Return the units that numbers carry where nearly all texts are numbers, the commonest first.

    Words that are no known units count where many different numbers carry the same ones.

    Args:
        texts: Distinct texts.

    >>> units_of(["12 kg", "7 kg", "9"]), units_of(["$5", "-$1,200.00"]), units_of(["A12", "B7"])
    (['kg'], ['$'], [])
    >>> units_of(["<0.5", "7", "< 0.25"])
    ['<']
    >>> units_of([f"{n} bottles" for n in range(40)]), units_of(["1 star", "5 stars"])
    (['bottles'], [])
    """
    known, words = Counter[str](), Counter[str]()
    bare = 0
    for text in texts:
        found = _WITH_UNIT.fullmatch(text)
        if not found:
            continue
        if unit := found["before"] or found["after"]:
            known[unit] += 1
        elif found["word"]:
            words[found["word"]] += 1
        else:
            bare += 1
    if sum(words.values()) >= _MANY:
        known += words
    carried = sum(known.values())
    if not carried or carried + bare < _NEARLY_ALL * len(texts) or len(known) > _MAX_UNITS:
        return []
    return [unit for unit, _ in known.most_common()]


def units_problem(name: str, examples: str, units: Sequence[str]) -> str:
    """Say that the numbers of a column carry units, and what to do about it."""
    key, named = as_key(name), " or ".join(map(repr, units))
    cure = f'Write all in one unit, or set [data.columns] {key} = "category" or "ignore".'
    if len(units) == 1:
        as_numbers = f'{{type = "number", unit = "{units[0]}"}}'
        cure = (
            f"To take it as numbers, set [data.columns] {key} = {as_numbers}; otherwise "
            '"category" or "ignore".'
        )
    return f"Column {name!r} has numbers with {named}: {examples}. {cure}"
