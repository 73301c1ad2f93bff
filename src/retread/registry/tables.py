"""Tables of the registry, on the one database."""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, Table, Text

from retread.core import METADATA

LEDGER = Table(
    "ledger",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

LEDGER_HEAD = Table(
    "ledger_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", Integer, nullable=False),
    Column("hash", Text, nullable=False),
)

SERVERS = Table(
    "servers",
    METADATA,
    Column("server_id", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("applied", Text, nullable=False),
)
