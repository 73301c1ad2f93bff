from pathlib import Path
import pytest
from .test_doors import *
from .test_doors import loopback
from .test_doors import (
    test_a_models_own_file_answers_at_every_door_as_the_trained_model_does as check,
)
from .door_tables_abroad import TABLES_ABROAD

del test_a_models_own_file_answers_at_every_door_as_the_trained_model_does


@pytest.mark.parametrize("table", TABLES_ABROAD, ids=[t.name for t in TABLES_ABROAD])
def test_abroad(table, loopback, tmp_path, capsys):
    check(table, loopback, tmp_path, capsys)
