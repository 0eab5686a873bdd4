"""Builds librimshot.so and the program with the checkout's Makefile and puts them, with the model
that comes along, into the wheel."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
BUILT = ("librimshot.so", "rimshot")
MODEL = CHECKOUT / "models" / "rimshot.h5"

if not (CHECKOUT / "infer" / "rimshot.h").is_file():
    raise SystemExit(
        "rimshot is built from a checkout of its repository: pip install ./python, there. "
        "The folder python/ alone lacks the C sources."
    )


def version() -> str:
    found = re.search(r"^VERSION\s*:=\s*(\S+)", (CHECKOUT / "Makefile").read_text(), re.M)
    assert found
    return found.group(1)


def make() -> Path:
    """Runs make; the folder with what it built."""
    build = CHECKOUT / os.environ.get("BUILD", "build")
    targets = [str(Path(os.environ.get("BUILD", "build")) / name) for name in BUILT]
    jobs = f"-j{os.cpu_count() or 1}"
    subprocess.run(["make", jobs, "--no-print-directory", *targets], cwd=CHECKOUT, check=True)
    return build


def strip(path: Path) -> None:
    tool = shutil.which("strip")
    if tool:
        subprocess.run([tool, "--strip-unneeded", str(path)], check=True)


class Build(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:  # the package finds what make builds in the checkout
            make()
            return
        built, into = make(), Path(self.build_lib) / "rimshot" / "native"
        into.mkdir(parents=True, exist_ok=True)
        for name in BUILT:
            shutil.copy(built / name, into / name)
            strip(into / name)
        models = into.parent / "models"  # where the program looks, too
        models.mkdir(exist_ok=True)
        shutil.copy(MODEL, models / MODEL.name)


class Wheel(bdist_wheel):
    def get_tag(self):
        # Any Python 3 will do; the library is this machine's.
        return "py3", "none", super().get_tag()[2]


class NoSdist(sdist):
    def run(self) -> None:
        raise SystemExit("there is no source distribution: rimshot is built from a checkout")


class Native(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(
    version=version(),
    distclass=Native,
    cmdclass={"build_py": Build, "bdist_wheel": Wheel, "sdist": NoSdist},
)
