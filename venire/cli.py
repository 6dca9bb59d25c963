"""The command line. Commands are imported when they are called, so that `--help` answers at once.

Exit codes: 0 done; 1 a check failed, or the decision is not PROMOTE where `--require promote` was given;
2 the user's input; 3 an outside service failed; 130 interrupted (run the same command again: it goes on).
"""

import errno
import os
import sys
from importlib import import_module

import click

from venire import __version__
from venire._common.errors import VenireError

# What a machine refuses, whatever the program: no room, no permission.
_MACHINES_LIMITS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}

_COMMANDS = {
    "run": ("flow_commands:run", "Run an experiment, from plan to report."),
    "plan": ("flow_commands:plan", "Check an experiment, compute its power, freeze it."),
    "eval": ("flow_commands:evaluate", "Run the suites against incumbents and candidates."),
    "train": ("flow_commands:train", "Train the recipes into candidates."),
    "judge": ("flow_commands:judge", "Have the panel judge, blind and in both orders."),
    "judge human": ("human_command:human", "Have people judge, blind, on a page of this machine."),
    "gate": ("flow_commands:gate", "Decide: PROMOTE, HOLD or REFUSE."),
    "report": ("flow_commands:report", "Write the page that shows why."),
    "export": ("export_command:export", "A candidate as merged weights, GGUF, on the Hub; recipes for mlx-lm."),
    "chat": ("chat_command:chat", "Talk to a contender, or to two side by side, blind."),
    "card": ("card_command:card", "Write a candidate's model card and promotion record."),
    "candidates": ("model_commands:candidates", "Checkpoints, ours or made elsewhere."),
    "compare": ("compare_command:compare", "Runs side by side, or the candidates of one."),
    "curve": ("curve_command:curve", "Any suite over a series of checkpoints, as table and curves."),
    "votes": ("votes_commands:votes", "Import, analyze or audit votes, ours or anybody's; compare with people."),
    "power": ("votes_commands:power", "How many prompts, judges and orders a question needs."),
    "registry": ("registry_commands:registry", "Who is champion, and why; promote and roll back."),
    "calibrate": ("calibrate_command:calibrate", "The interview that says who the person is."),
    "data": ("data_commands:data", "Datasets from answers, facts and pairs; leaks; cards."),
    "models": ("model_commands:models", "The embedded models: list and fetch."),
    "doctor": ("model_commands:doctor", "What this machine has: devices, keys, models, versions."),
}


class _Lazy(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name][0].split(":")
        return getattr(import_module(f"venire.{module}"), name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # A name of two words comes before its first word's own command.
        if (two := " ".join(args[:2])) in _COMMANDS and len(args) > 1:
            return two, self.get_command(ctx, two), args[2:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="venire")
def cli() -> None:
    """Fine-tune a language model on one person's values, and decide honestly whether it got better.

    Example: venire run experiments/quickstart.yaml

    \b
    Exit codes: 0 done; 1 a check failed, or the decision is not PROMOTE under
    --require promote; 2 your input; 3 an outside service failed;
    130 interrupted: the same command goes on where it stopped.
    """


def main() -> None:
    """Run the command line; a user's mistake is one sentence on standard error and an exit code."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except VenireError as error:
        from venire.reports.escape import visible  # an error quotes what stands in somebody's file

        click.echo(f"venire: {visible(error)}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in _MACHINES_LIMITS:
            raise
        place = f" ({error.filename})" if error.filename else ""
        click.echo(f"venire: {error.strerror}{place}; what was done stays, and the same command goes on", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("venire: interrupted; the same command goes on where it stopped", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
