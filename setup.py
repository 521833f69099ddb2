"""Packs what lies in lab/ now, and not what an earlier build left in build/: a folder's files are its list of names."""

import shutil

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildPy(build_py):
    def run(self) -> None:
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build_py": BuildPy})
