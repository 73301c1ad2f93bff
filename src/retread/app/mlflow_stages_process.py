"""`python -m retread.app.mlflow_stages_process --project PATH`: set MLflow's aliases from stdin."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from retread.app.mlflow_stages import MIRRORED
from retread.core import canonical_json, write_atomically
from retread.project import open_project


def main() -> None:
    """Read run ids and version numbers by alias as JSON, and set the aliases."""
    from retread.training.tracking.aliases import MlflowAliases

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, required=True)
    project = open_project(parser.parse_args().project, os.environ)
    aliases = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, tuple[str, int]])
    MlflowAliases(project).mirror(aliases)
    write_atomically(project.home / MIRRORED, canonical_json(aliases))


if __name__ == "__main__":
    main()
