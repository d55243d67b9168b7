"""The person's object that my.module:name names."""

import importlib
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gnref.errors import UserError
from gnref.supervisor.faults import said, told


def imported(name: str, what: str) -> Any:
    """The object of a module in the working directory, or of an installed one.

    Args:
        name: Such as my.module:normalize, or my.module:Class.method.
        what: What is expected there, for the message about a name in another form, such as
            "a callable normalize(discriminator, x), as my.module:normalize".

    Raises:
        UserError: the name has another form or names nothing, or importing it raises; with file and line.
    """
    module, _, attributes = name.partition(":")
    parts = [*module.split("."), *attributes.split(".")]
    if not all(part.isidentifier() for part in parts):
        raise UserError(f"expected {what}, got {name!r}")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for attribute in attributes.split("."):
            if not hasattr(found, attribute):
                near = get_close_matches(attribute, dir(found), n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise UserError(f"{module} has no {attributes}{hint}")
            found = getattr(found, attribute)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            raise UserError(
                f"there is no module {error.name}: expected one in the folder {here}, or an installed one"
            ) from None
        raise UserError(f"{module} needs {error.name}, which is not installed: {told(error) or said(error)}") from None
    except BaseException as error:
        raise UserError(f"{module} cannot be imported: {told(error) or said(error)}") from error
    return found
