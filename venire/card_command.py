"""`venire card`: the model card and the promotion record of a run's candidate."""

from pathlib import Path

import click


@click.command()
@click.argument("experiment", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A folder; default: beside the candidate's weights.")
def card(experiment: Path, out: Path | None) -> None:
    """Write the model card for the Hub (README.md) and the promotion record of an experiment's candidate.

    `venire report` writes them beside the weights that the experiment trained; this puts them anywhere, for weights
    that were merged, exported or made elsewhere.

    Example: venire card experiments/quickstart.yaml --out merged/
    """
    from venire.human_command import run_folder
    from venire.reports import build_papers

    for path in build_papers(run_folder(experiment), out):
        click.echo(str(path))
