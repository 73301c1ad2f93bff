"""Recognise numbers that are written with a unit, a currency or a percent sign."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from retread.core.column_rules import plain_signs
from retread.project.toml_text import as_key

_NEARLY_ALL = 0.9
_MAX_UNITS = 3
_MANY = 20
_CURRENCIES = r"[A-Z]{0,2}[$€£¥₩₹]|USD|EUR|GBP|KRW|JPY|CHF|CNY|INR"
_UNITS = (
    rf"%|‰|{_CURRENCIES}|°\s?[CF]?|℃|[kmcµ]?m[²³23]?|[km]?g|t|lbs?|oz|ft|in|mi|ml|l|m?s|min|h|d|"
    r"[kMG]?Hz|[kM]?Wh?|m?[VA]|[kMh]?Pa|m?bar|psi|rpm|km/h|m/s|mph|[kMGT]?B|pcs|units?"
)
_MAX_AFFIXES = 4
_NUMBER = re.compile(r"(?<![0-9])[+-]?[0-9](?:[.,' ]?[0-9]+)*[.,]?|[+-]?[.,][0-9]+")
_WORD = r"(?<= )[^\W\d_]{2,15}"
_WITH_UNIT = re.compile(
    rf"[+-]?(?P<before>{_CURRENCIES})?\s*[+-]?[0-9][0-9.,' ]*?\s*"
    rf"(?:(?P<after>{_UNITS})|(?P<word>{_WORD}))?"
)


def units_of(texts: Sequence[str]) -> list[str]:
    """Return the units that numbers carry where nearly all texts are numbers, the commonest first.

    Words that are no known units count where many different numbers carry the same ones.

    Args:
        texts: Distinct texts.

    >>> units_of(["12 kg", "7 kg", "9"]), units_of(["$5", "-$1,200.00"]), units_of(["A12", "B7"])
    (['kg'], ['$'], [])
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


def affix_of(texts: Sequence[str]) -> str:
    """Return what nearly all of many texts have around their only number; empty if nothing.

    A letter before the number makes a code of it.

    >>> affix_of([f"({n})" if n % 2 else f"{n}" for n in range(30)]), affix_of(["A1", "A2"] * 10)
    ('()', '')
    """
    if len(texts) < _MANY:
        return ""
    shapes = Counter(_NUMBER.sub("\0", plain_signs(text)) for text in texts)
    common = [(*shape.partition("\0"), count) for shape, count in shapes.most_common(_MAX_AFFIXES)]
    affixes: Counter[str] = Counter()
    for before, number, after, count in common:
        is_code = any(map(str.isalnum, re.sub(_CURRENCIES, "", before)))
        if number and "\0" not in after and not is_code:
            affixes[before.strip() + after.strip()] += count
    if sum(affixes.values()) < _NEARLY_ALL * len(texts):
        return ""
    return max((affix for affix in affixes if affix), key=lambda a: affixes[a], default="")


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


def affix_problem(name: str, examples: str, affix: str) -> str:
    """Say that the numbers of a column have something around them, and what to do about it."""
    return (
        f"Column {name!r} has numbers with {affix!r}: {examples}. It is not used as it is: write "
        f'the numbers alone, or set [data.columns] {as_key(name)} = "category" or "ignore".'
    )
