"""What a command's end means to the shell: one sentence on standard error and an exit code, never a traceback."""

import os
import sys
import traceback

import click

from sealwright.core.errors import Fault, Transient, Untrusted

YES, REFUSED, WRONG_INPUT, COULD_NOT_TELL, BUG = 0, 1, 2, 3, 70
_INTERRUPTED = 130


def run(command: click.Command) -> int:
    """Run a command with the process's arguments and return its exit code."""
    try:
        ended = command.main(standalone_mode=False)
        return ended if isinstance(ended, int) else YES
    except click.ClickException as error:
        error.show()
        return WRONG_INPUT
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except Fault as fault:
        click.echo(f"sealwright: {fault}", err=True)
        return of_fault(fault)
    except BrokenPipeError:
        # The reader (`head`, a pager) has gone; flushing at exit would raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return YES
    except Exception as bug:  # noqa: BLE001  the last door: whatever it is, the exit code is never 0
        return _bug(bug)


def of_fault(fault: Fault) -> int:
    """The exit code of a fault that ends a command."""
    if isinstance(fault, Untrusted):
        return REFUSED
    return COULD_NOT_TELL if isinstance(fault, Transient) else WRONG_INPUT


def _bug(bug: Exception) -> int:
    click.echo(f"sealwright: InternalError: {type(bug).__name__}: {bug}", err=True)
    if os.environ.get("SEALWRIGHT_TRACEBACK"):
        traceback.print_exception(bug)
    else:
        click.echo("This is a bug. Run it again with SEALWRIGHT_TRACEBACK=1 and report what it prints.", err=True)
    return BUG
