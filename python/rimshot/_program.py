"""The command `rimshot`, as the package carries it."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rimshot._library import program


def main() -> NoReturn:
    path = str(program())
    os.execv(path, [path, *sys.argv[1:]])
