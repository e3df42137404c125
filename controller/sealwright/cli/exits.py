"""What a command's end means to the shell: one sentence on standard error and an exit code, never a traceback."""

import io
import os
import sys
import traceback

import click

from sealwright.cli import show
from sealwright.core.errors import Fault, Reason, Transient, Untrusted

YES, REFUSED, WRONG_INPUT, COULD_NOT_TELL, BUG = 0, 1, 2, 3, 70
_INTERRUPTED = 130
# However it was started: the variable of shell completion has it in its name.
_NAME = "sealwright"


def run(command: click.Command) -> int:
    """Run a command with the process's arguments and return its exit code."""
    _have_streams()
    try:
        return _run(command)
    except click.ClickException as error:
        _tell_usage(error)
        return WRONG_INPUT
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Fault as fault:
        _tell(fault)
        return of_fault(fault)
    except OSError as error:
        return _refused_by_system(error)
    except Exception as bug:  # noqa: BLE001  the last door: whatever it is, the exit code is never 0
        return _bug(bug)


def _run(command: click.Command) -> int:
    output = sys.stdout
    try:
        ended = command.main(prog_name=_NAME, standalone_mode=False)
        sys.stdout.flush()  # here, where a failure can still be told
    except SystemExit as end:
        # So click ends after shell completion. When a reader has gone it does so too, with another standard output.
        if sys.stdout is not output:
            raise BrokenPipeError from end
        raise
    return ended if isinstance(ended, int) else YES


def of_fault(fault: Fault) -> int:
    """The exit code of a fault that ends a command."""
    if isinstance(fault, Untrusted):
        return REFUSED
    return COULD_NOT_TELL if isinstance(fault, Transient) else WRONG_INPUT


def _tell(fault: Fault) -> None:
    """One line, in which foreign text cannot start another; only a configuration has one for each of its faults."""
    lines = fault.message.splitlines() if fault.reason is Reason.INVALID_CONFIG else [fault.message]
    for line in lines:
        click.echo(f"sealwright: {fault.reason}: {show.printable(line)}", err=True)


def _tell_usage(error: click.ClickException) -> None:
    """Click's own words; they may hold names of files, which shells fill in."""
    told = io.StringIO()
    error.show(told)
    for line in told.getvalue().splitlines():
        click.echo(show.printable(line), err=True)


def _have_streams() -> None:
    """A program may be started without standard output or error; then nobody wants to read them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115  open as long as the program runs


def _refused_by_system(error: OSError) -> int:
    """What no edge foresaw: standard output that nobody reads any more (`head`, a pager), or that has no room."""
    # What could not be written is still buffered, and flushing it at exit would fail once more, with noise.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not isinstance(error, BrokenPipeError):
        click.echo(f"sealwright: {Reason.UNAVAILABLE}: the operating system refused: {show.printable(str(error))}", err=True)
        _trace(error)
    # Also where it is quiet: an answer that was cut off is not a yes.
    return COULD_NOT_TELL


def _bug(bug: Exception) -> int:
    click.echo(f"sealwright: {Reason.INTERNAL_ERROR}: {type(bug).__name__}: {show.printable(str(bug))}", err=True)
    if not _trace(bug):
        click.echo("This is a bug. Run it again with SEALWRIGHT_TRACEBACK=1 and report what it prints.", err=True)
    return BUG


def _trace(error: Exception) -> bool:
    """Print the traceback where it is asked for."""
    is_wanted = bool(os.environ.get("SEALWRIGHT_TRACEBACK"))
    if is_wanted:
        traceback.print_exception(error)
    return is_wanted
