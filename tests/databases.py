"""Databases of every kind that stores may be kept in: the contract suites run on each."""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of a private PostgreSQL, without a database name."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("PostgreSQL is not installed: the contract runs on SQLite only")
    user = "postgres" if os.geteuid() == 0 else None
    # Not below tmp_path, whose parents are closed to the other user.
    with tempfile.TemporaryDirectory(prefix="retread-postgres-") as folder:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = Path(folder) / "data"

        def command(name: str, *arguments: str) -> None:
            subprocess.run(
                [folders[-1] / name, "-D", data, *arguments],
                check=True,
                user=user,
                cwd=folder,
                stdout=subprocess.DEVNULL,
            )

        command("initdb", "-A", "trust", "-U", "retread", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        command("pg_ctl", "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://retread@/{{name}}?host={folder}"
        finally:
            command("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'retread.db'}"
    import psycopg

    template = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    plain = template.format(name="postgres").replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return str(template.format(name=name))
