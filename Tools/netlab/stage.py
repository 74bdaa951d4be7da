"""What all cells share."""

import os
import threading


class Interrupted(Exception):
    """The laboratory is to end."""


class Programs:
    """Where the programs are."""

    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, name):
        return os.path.join(self.folder, name)


class Stage:
    """Programs, a folder for logs, and the wish to end."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.stopped = threading.Event()

    def sleep(self, seconds):
        if self.stopped.wait(max(0.0, seconds)):
            raise Interrupted

    def check(self):
        if self.stopped.is_set():
            raise Interrupted
