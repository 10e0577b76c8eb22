"""The `modeldex` command: a table of verbs whose modules are imported only when their verb is used."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NoReturn

import click

from catalog import plugins
from catalog.errors import EXIT_INTERRUPTED, ModeldexError
from catalog.garbage import COLLECTION, leave_to_the_system
from catalog.settings import load_settings


class LazyGroup(click.Group):
    """Looks verbs up in `plugins.COMMANDS`, so that start-up costs what the one command needs."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _while_somebody_reads():
            return super().make_context(*arguments, **options)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return plugins.names("command")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in plugins.COMMANDS and cmd_name not in plugins.names("command"):
            return None
        command: click.Command = plugins.load("command", cmd_name)
        return _guarded(command, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does it; whoever is told to end has undone what was half done when this is reached."""
        try:
            with _while_somebody_reads():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted. The same command may be given again.", err=True)
            ctx.exit(EXIT_INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the nearest verb for one that there is not."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from catalog.text.spelling import nearest  # noqa: PLC0415 - a correct command need not pay for it

            close = nearest(args[0], self.list_commands(ctx), limit=1)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from error


@contextlib.contextmanager
def _while_somebody_reads() -> Iterator[None]:
    """`| head` leaves when it has all that it wants. click calls that a failure, which ends scripts under `pipefail`."""
    try:
        yield
    except BrokenPipeError:
        _give_up_output()
        raise click.exceptions.Exit(0) from None


def _guarded(command: click.Command, words: str) -> click.Command:
    """The command with every verb below it, none of which runs for a reader who may not do it."""
    if isinstance(command, click.Group):
        for name, verb in command.commands.items():
            _guarded(verb, f"{words} {name}")
        if not command.invoke_without_command:
            return command
    run = command.callback
    if run is not None and not hasattr(run, "__wrapped_for__"):

        @functools.wraps(run)
        def checked(*arguments: Any, **options: Any) -> Any:
            from catalog.access.command_rules import check_command  # noqa: PLC0415 - `--help` needs none of it

            check_command(words)
            return run(*arguments, **options)

        checked.__wrapped_for__ = words  # type: ignore[attr-defined]  # so that it is wrapped once
        command.callback = checked
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    metavar="FOLDER",
    help="Folder of all state (default: MODELDEX_HOME, else the user's data folder).",
)
@click.version_option(package_name="modeldex", prog_name="modeldex")
@click.pass_context
def cli(ctx: click.Context, home: str | None) -> None:
    """Find model files by what they say about themselves.

    Start with `modeldex crawl FOLDER`, then `modeldex search "accuracy > 0.9"` or `modeldex serve`.
    """
    ctx.obj = load_settings(home)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Exit codes: 0 done, 1 failed or not all could be read, 2 wrong use, 3 held and waiting for a person, 130 told
    to end.
    """
    _have_standard_streams()
    _end_in_order()
    leave_to_the_system()
    try:
        with COLLECTION.seldom():
            return cli.main(args=arguments, prog_name="modeldex", standalone_mode=True)
    except ModeldexError as error:
        click.echo(f"modeldex: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:  # what no room took for its own: standard output on a full disk
        where = "standard output" if error.filename is None else str(error.filename)
        click.echo(f"modeldex: {where}: {error.strerror or error}.", err=True)
        _give_up_output()
        sys.exit(1)


def _end_in_order() -> None:
    """SIGTERM, and SIGHUP where a terminal is closed, end a command like Ctrl-C: what it has begun is undone. What is ignored,
    as by `nohup`, stays so.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupted)


def _interrupted(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _have_standard_streams() -> None:
    """Where one was closed (`2>&-`), Python has none, and its number would be that of the next file or connection that is opened:
    what a process or a library says there would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.fstat(number)  # opened by somebody since
                continue
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            stream = os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False)
            setattr(sys, name, stream)


def _give_up_output() -> None:
    """What could not be written is not tried once more when Python ends, which would print a traceback."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
