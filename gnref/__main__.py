"""`python -m gnref` is `gnref`; `torchrun ... -m gnref train` starts here too.

The imports and the process's last breath are no part of a command's work: an interrupt there ends the process at once,
by the signal itself, instead of with a traceback out of somebody's module.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # otherwise interrupts are ignored, as under nohup
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def main() -> None:
    """Run one command (`gnref.cli.main`)."""
    from gnref.cli import main as command  # within it an interrupt is said, and ends with 130

    try:
        command()
    finally:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
