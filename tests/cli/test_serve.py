"""`retread` serve, predict and feedback, with a real server."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.bundles import iris_bundle, mixed_bundle, tiny_image_bundle
from tests.serving.running import Served, Server, running, until

from retread.cli.main import run
from retread.registry.events import Slot
from retread.serving import SqlLabelStore

HEADER = "sepal_length,sepal_width,petal_length,petal_width"


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served.make(tmp_path / "project")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    served = Served.make(tmp_path_factory.mktemp("cli"))
    served.assign(1, iris_bundle(served.bundles))
    with running(served) as server:
        yield server


def words(server: Server, *arguments: str) -> list[str]:
    port = server.address.rsplit(":", 1)[1]
    return [*arguments, "--port", port, "--project", str(server.served.project.root)]


def table(folder: Path, *lines: str) -> str:
    path = folder / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_rows_are_predicted_and_labelled(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(tmp_path, HEADER, "5.1,3.5,1.4,0.2", "6.3,3.3,6.0,2.5")
    assert run(words(server, "predict", "iris", rows, "--json")) == 0
    answers = [one["prediction"] for one in json.loads(capsys.readouterr().out)]
    assert [one["label"] for one in answers] == ["setosa", "virginica"]
    assert answers[0]["confidence"] > 0.9
    name = answers[1]["id"]
    assert run(words(server, "feedback", name, "virginica")) == 0
    assert "1 label recorded" in capsys.readouterr().out
    assert SqlLabelStore(server.served.database).get([name]) == {name: "virginica"}


def test_the_same_rows_as_json_and_as_text(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.json"
    values = (5.1, 3.5, 1.4, 0.2)
    path.write_text(json.dumps(dict(zip(HEADER.split(","), values, strict=True))))
    assert run(words(server, "predict", "iris", str(path))) == 0
    shown = capsys.readouterr().out
    assert "setosa 1" in shown
    assert "version 1, production, request " in shown


def test_u18_predictions_are_written_to_a_file_with_their_rows(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(tmp_path, HEADER, "5.1,3.5,1.4,0.2", "6.3,3.3,6.0,2.5")
    output = tmp_path / "predictions.csv"
    assert run(words(server, "predict", "iris", rows, "--output", str(output))) == 0
    assert capsys.readouterr().out == f"2 predictions were written to {output}.\n"
    with output.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["file"], first["row"], first["prediction"]) == (rows, "2", "setosa")
    assert (second["row"], second["prediction"]) == ("3", "virginica")
    assert first["request"] != second["request"]
    nowhere = str(tmp_path / "nowhere" / "predictions.csv")
    assert run(words(server, "predict", "iris", rows, "--output", nowhere)) == 1
    assert "There is no folder" in capsys.readouterr().err


def test_many_labels_from_a_file(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("request_id,label\n" + "".join(f"many-{i},setosa\n" for i in range(1200)))
    assert run(words(server, "feedback", "--file", str(path), "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["accepted"], len(result["waiting"])) == (1200, 1200)


def test_u6_a_label_of_no_answer_is_kept_and_said(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(server, "feedback", "nope", "setosa")) == 0
    shown = capsys.readouterr().out
    assert "1 of them for requests without an answer so far: nope. Kept until one" in shown
    assert SqlLabelStore(server.served.database).get(["nope"]) == {"nope": "setosa"}


def test_e19_a_label_that_the_model_does_not_know_is_kept_and_said(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words(server, "feedback", "r1", " rose")) == 0
    assert "The model cannot predict 'rose': counted as errors" in capsys.readouterr().out
    assert SqlLabelStore(server.served.database).get(["r1"]) == {"r1": "rose"}


@pytest.mark.parametrize("wrong", ["a b,setosa", "r9,NA", "r9,", ",setosa"])
def test_e20_a_file_of_labels_is_recorded_whole_or_not_at_all(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    path = tmp_path / "labels.csv"
    good = [f"whole-{i},setosa" for i in range(1100)]
    path.write_text("\n".join(["request_id,label", *good, wrong]) + "\n")
    before = SqlLabelStore(server.served.database).count()
    is_refused = wrong != "r9,NA"  # a label of this model, about which no rules were decided
    assert run(words(server, "feedback", "--file", str(path))) == int(is_refused)
    if is_refused:
        assert "Row 1102 of" in capsys.readouterr().err
        assert SqlLabelStore(server.served.database).count() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "iris", "nothing.csv"], "The file nothing.csv does not exist"),
        (["predict", "iris", "rows.docx"], "neither an image nor a table"),
        (["predict", "roses", "ROWS"], "There is no model 'roses' here"),
        (["predict", "roses/é", "ROWS"], "'roses/é' is not a valid model name"),
        (["predict", "iris", "LACKING"], "do not fit its first line"),
        (["predict", "iris", "SPILLING"], "do not fit its first line"),
        (["predict", "iris", "SHORT"], "has no column 'petal_width'"),
        (["predict", "iris", "WORDS"], "Column 'sepal_length' has the value 'long'"),
        (["predict", "iris", "EMPTY"], "has no rows"),
        (["feedback", "a b", "setosa"], "is not allowed"),
        (["feedback", "--file", "nothing.csv"], "The file nothing.csv does not exist"),
        (["feedback", "--file", "ROWS"], "has no request id or no label"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_explained_in_one_message(
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    files = {
        "ROWS": (HEADER, "5.1,3.5,1.4,0.2"),
        "SHORT": ("sepal_length,sepal_width,petal_length", "5.1,3.5,1.4"),
        "LACKING": (HEADER, "5.1,3.5"),
        "SPILLING": (HEADER, "5.1,3.5,1.4,0.2,7"),
        "WORDS": (HEADER, "long,3.5,1.4,0.2"),
        "EMPTY": (HEADER,),
    }
    typed = [table(tmp_path, *files[one]) if one in files else one for one in arguments]
    assert run(words(server, *typed)) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["r1"], ["r1", "setosa", "--file", "labels.csv"]], ids=" ".join
)
def test_feedback_with_missing_or_conflicting_arguments_is_wrong_usage(
    arguments: list[str], served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["feedback", *arguments, "--project", str(served.project.root)]) == 2
    assert "Feedback requires either a request id and its label" in capsys.readouterr().err


def test_without_a_server(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = table(tmp_path, HEADER, "5.1,3.5,1.4,0.2")
    project = str(served.project.root)
    assert run(["predict", "iris", rows, "--port", "1", "--project", project]) == 1
    assert "retread up" in capsys.readouterr().err


@pytest.mark.slow
def test_images_and_numbers(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served.assign(1, tiny_image_bundle(served.bundles))
    buffer = io.BytesIO()
    Image.new("RGB", (30, 30), (250, 250, 250)).save(buffer, "PNG")
    photo = tmp_path / "photo.png"
    photo.write_bytes(buffer.getvalue())
    with running(served) as server:
        assert run(words(server, "predict", "iris", str(photo), str(photo))) == 0
        assert capsys.readouterr().out.count("photo.png: bright") == 2
        served.applied(Slot.PRODUCTION, served.assign(2, mixed_bundle(served.bundles)))
        rows = table(tmp_path, "hours,day", "2,sunday", ",monday", "3,monday")
        assert run(words(server, "predict", "iris", rows)) == 1
        rows = table(tmp_path, "hours,day", "2,sunday", "3,monday")
        capsys.readouterr()
        assert run(words(server, "predict", "iris", rows)) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert ": 12  (version 2" in first
        assert ": 3  (version 2" in second


@pytest.mark.slow
def test_serve_runs_in_the_foreground(served: Served) -> None:
    served.assign(1, iris_bundle(served.bundles))
    command = [sys.executable, "-c", "from retread.cli.main import main; main()", "serve"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--project", str(served.project.root)],
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    until(lambda: len(served.servers.live()) == 1, "the server announces itself")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    served.database.close()
