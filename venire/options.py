"""Options that several commands share, and what a command says of options that do not go together."""

import click
from click.core import ParameterSource

from venire._common.errors import InputError

DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "mps", "cuda"]),
    default="auto",
    show_default=True,
    help="What local models run and train on; auto is the best there is.",
)


def given(*names: str) -> list[str]:
    """Those of these parameters that were named on the command line, as they are typed there."""
    context = click.get_current_context()
    named = (p for p in context.command.params if p.name in names)
    return [_typed(p) for p in named if context.get_parameter_source(p.name or "") is ParameterSource.COMMANDLINE]


def refuse(why: str, *names: str) -> None:
    """Raise InputError where one of these parameters was named: it would not be looked at. `why` ends the sentence."""
    if found := given(*names):
        raise InputError(f"{', '.join(found)}: {why}")


def refuse_beside(name: str, why: str) -> None:
    """Raise InputError where any other parameter of the command was named beside this one."""
    refuse(why, *(p.name for p in click.get_current_context().command.params if p.name and p.name != name))


def _typed(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.human_readable_name
    return "/".join(names[-1] for names in (parameter.opts, parameter.secondary_opts) if names)
