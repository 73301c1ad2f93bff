"""`retread data`: dataset versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from retread.cli.options import HERE, Json, ProjectPath, workspace
from retread.cli.output import emit, errors

if TYPE_CHECKING:
    from retread.data import DatasetStore, DatasetVersion

Dataset = Annotated[str, typer.Argument(metavar="NAME", help="Name of the dataset.")]
Reference = Annotated[
    str, typer.Argument(metavar="NAME@N", help="A dataset version. NAME alone means the latest.")
]


def register(app: typer.Typer) -> None:
    data = typer.Typer(help="Dataset versions.", no_args_is_help=True)
    data.command("add")(add)
    data.command("list")(list_versions)
    data.command("show")(show)
    data.command("diff")(diff)
    data.command("verify")(verify)
    data.command("export")(export)
    data.command("release")(release)
    data.command("gc")(collect_garbage)
    app.add_typer(data, name="data")


def add(
    name: Dataset,
    source: Annotated[
        Path | None, typer.Argument(help="Folder or file. Default: [data] source.")
    ] = None,
    labels: Annotated[
        str,
        typer.Option(
            metavar="folder|FILE|COLUMN",
            help="Where labels are. Default: [data] labels.",
        ),
    ] = "",
    note: Annotated[str, typer.Option(help="Free-text note stored with the version.")] = "",
    append: Annotated[
        bool, typer.Option("--append", help="Keep the rows of the latest released version.")
    ] = False,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Add the content of SOURCE as the next version; print NAME@N and its digest."""
    from retread.app.datasets import add_data, add_request
    from retread.cli.data_tables import column_lines, findings, version_line
    from retread.cli.progress import progress
    from retread.data import latest

    work = workspace(project)
    before = latest(work.datasets, name)
    with progress() as report:
        request = add_request(
            work, name, source, labels=labels, note=note, append=append, progress=report
        )
        version = add_data(work, request)
    head = [f"{version.reference} {version.digest}", version_line(version)]
    lines = [*head, *version.remarks, *column_lines(version), *findings(version)]
    text = "\n".join(lines)
    if before is not None and version.number <= before.number:
        text += "\nThe data is unchanged; no version was added."
    emit(version, as_json=json, text=text)
    _refuse_quarantined(version)


def list_versions(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Only this dataset.")] = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """List the versions of one dataset, or of all datasets."""
    from retread.cli.data_tables import versions_table
    from retread.core import IntegrityBroken

    store = workspace(project).datasets
    versions: list[DatasetVersion] = []
    damaged: list[IntegrityBroken] = []
    for dataset in [name] if name else store.datasets():
        try:
            versions += store.versions(dataset)
        except IntegrityBroken as error:
            damaged.append(error)
    if damaged and not versions:
        raise damaged[0]
    nothing = "There are no datasets yet. Add one with: retread data add NAME SOURCE"
    emit(versions, as_json=json, text=versions_table(versions) if versions else nothing)
    for broken in damaged:
        errors.print(str(broken), style="red")
    if damaged:
        raise typer.Exit(1)


def show(version: Reference, project: ProjectPath = HERE, json: Json = False) -> None:
    """Show a version's digests, checks and profile."""
    from retread.cli.data_tables import version_page

    found = _version(workspace(project).datasets, version)
    emit(found, as_json=json, text=version_page(found))


def diff(
    left: Reference, right: Reference, project: ProjectPath = HERE, json: Json = False
) -> None:
    """Show the differences between two versions."""
    from retread.cli.data_tables import diff_page
    from retread.data import diff as compare

    store = workspace(project).datasets
    found = compare(store, _version(store, left), _version(store, right))
    emit(found, as_json=json, text=diff_page(found))


def verify(
    version: Annotated[
        str, typer.Argument(metavar="NAME[@N]", help="A version or a dataset. Default: all.")
    ] = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Verify versions by recomputing their digests from the stored bytes."""
    from retread.cli.progress import progress
    from retread.data import parse_version_reference
    from retread.data import verify as check

    store = workspace(project).datasets
    if "@" in version:
        versions = [_version(store, version)]
    else:
        names = [parse_version_reference(version)[0]] if version else store.datasets()
        versions = [found for dataset in names for found in store.versions(dataset)]
    rows: dict[str, int] = {}
    with progress() as report:
        for number, found in enumerate(versions, start=1):
            rows[found.reference] = check(store, found)
            report("versions verified", number, len(versions))
    lines = [f"{reference}: {count} rows are intact." for reference, count in rows.items()]
    emit(rows, as_json=json, text="\n".join(lines) or "There are no datasets yet.")


def export(
    version: Reference,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    table_format: Annotated[
        str, typer.Option("--format", metavar="csv|parquet", help="File format of tables.")
    ] = "csv",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Write a version to files: one folder per class for images, or one table."""
    from retread.data import export as write

    work = workspace(project)
    found = _version(work.datasets, version)
    labels = work.settings.data.labels
    column = "label" if labels == "folder" or labels.endswith(".json") else labels
    write(work.datasets, found, folder, table_format=table_format, label_column=column)
    body = {"version": found.reference, "folder": str(folder), "rows": found.rows}
    emit(
        body, as_json=json, text=f"{found.rows} rows of {found.reference} were written to {folder}."
    )


def release(
    version: Reference,
    reason: Annotated[
        str, typer.Option(help="Why it may be trained on; required, recorded in the ledger.")
    ] = "",
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Release a version from quarantine, with a reason."""
    from retread.app.datasets import release_data
    from retread.data import heads_of

    work = workspace(project)
    found = _named(work.datasets, version)
    found = release_data(work, found.dataset, found.number, reason)
    text = f"{found.reference} was released."
    later = heads_of(work.datasets, found.dataset).base
    if later.number > found.number:
        text += (
            f" {later.reference} is later and does not contain its rows. To train on them, add "
            f"them again with: retread data add {found.dataset} SOURCE --append"
        )
    emit(found, as_json=json, text=text)


def collect_garbage(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Only this dataset.")] = "",
    older_than_hours: Annotated[
        float,
        typer.Option(
            min=0.0, max=1e6, help="Keep younger files: a running command may be writing them."
        ),
    ] = 24.0,
    project: ProjectPath = HERE,
    json: Json = False,
) -> None:
    """Delete files that no version uses, such as those of interrupted adds."""
    from datetime import timedelta

    store = workspace(project).datasets
    grace = timedelta(hours=older_than_hours)
    names = [name] if name else store.datasets()
    freed = {dataset: store.collect_garbage(dataset, grace) for dataset in names}
    emit(freed, as_json=json, text=f"Freed {sum(freed.values()) / 1e6:.1f} MB.")


def _version(store: DatasetStore, text: str) -> DatasetVersion:
    from retread.data import parse_version_reference

    return store.version(*parse_version_reference(text))


def _named(store: DatasetStore, text: str) -> DatasetVersion:
    """Return a version that must be given with its number."""
    from retread.core import InvalidInput
    from retread.data import parse_version_reference

    dataset, number = parse_version_reference(text)
    if number is None:
        raise InvalidInput(
            f"{text!r} has no version number.", f"Write it as {dataset}@3, for example."
        )
    return store.version(dataset, number)


def _refuse_quarantined(version: DatasetVersion) -> None:
    if not version.is_quarantined:
        return
    for check in version.failed_checks:
        errors.print(f"Check {check.check} failed: {check.reason}", style="red")
    errors.print(
        f"{version.reference} is in quarantine and will not be trained on. Fix the source and "
        f"add it again, or release it with: retread data release {version.reference} --reason TEXT",
        style="red",
    )
    raise typer.Exit(1)
