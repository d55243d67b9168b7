"""`gnref verify`: load, diagnose, print, write."""

import json
import platform
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gnref import __version__
from gnref.claims.lessons import lessons
from gnref.diagnosis.arguments import VerifyArguments
from gnref.diagnosis.details import as_columns, details, segments_table
from gnref.diagnosis.examine import Progress, examine
from gnref.diagnosis.pictures import draw, pictures_of
from gnref.diagnosis.rows import rows
from gnref.diagnosis.show import conclusion
from gnref.diagnosis.subject import load
from gnref.errors import UserError
from gnref.files import write_atomically
from gnref.report import as_json, as_page

_QUICK_SAMPLES, _QUICK_REGIONS = 8, 12


def verify(target: str, given: VerifyArguments) -> int:
    """The exit code: 0 the premises hold, 1 they do not; UserError where it could not be found out."""
    start = time.monotonic()
    subject = load(target, given.images, given.weights, given.image_size, given.range, given.labels, given.reduce)
    regions = given.regions
    if given.quick:
        subject, regions = subject.first(_QUICK_SAMPLES), min(regions or _QUICK_REGIONS, _QUICK_REGIONS)
    with _bar() as progress:
        try:
            diagnosis = examine(subject, regions, progress)
        except (RuntimeError, ValueError, TypeError) as error:
            if isinstance(error, UserError):
                raise
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{target} could not be diagnosed: {told}") from error
    seconds = time.monotonic() - start
    lead, found = conclusion(diagnosis), rows(diagnosis)
    numbers, table = details(diagnosis), segments_table(diagnosis)
    about = {
        "discriminator": target,
        "data": subject.data,
        "gnref": __version__,
        "torch": torch.__version__,
        "Python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }
    if given.json is not None:
        report = json.loads(as_json(found, seconds, about))
        report |= {"premises_hold": diagnosis.holds, "conclusion": lead, "numbers": numbers, "segments": table}
        write_atomically(given.json, json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if given.html is not None:
        title, shown = f"gnref verify {target}", pictures_of(diagnosis)
        write_atomically(given.html, as_page(found, seconds, title, about, lead, numbers, lessons(), shown, table))
    pictures = [] if given.plot is None else draw(diagnosis, given.plot)
    # After the files, which a reader of the output that stops early must not cost.
    answer, *rest = _wrapped(lead)
    bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
    said = [f"{bold[0]}{answer}{bold[1]}", *rest, "", *as_columns(table), "", *_wrapped(numbers)]
    print("\n".join(said))
    if pictures:
        print("\npictures: " + ", ".join(str(path) for path in pictures))
    return 0 if diagnosis.holds else 1


def _wrapped(lines: list[str]) -> Iterator[str]:
    for line in lines:
        inset = "    " if line.startswith("  -") else "  "
        yield from textwrap.wrap(line, 118, subsequent_indent=inset, drop_whitespace=True) or [""]


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar on standard error, where that is a terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        raise UserError("gnref verify needs tqdm; install it with: pip install 'gnref[proofs]'") from None
    with tqdm(total=1, file=sys.stderr, disable=None, leave=False, bar_format="{desc} {bar} {n}/{total}") as bar:

        def progress(what: str, done: int, total: int) -> None:
            bar.set_description(what)
            bar.total, bar.n = total, done
            bar.refresh()

        yield progress
