"""What all cells share."""

import os
import time

# How often a wait looks whether the laboratory is to end.
CHECK_SECONDS = 0.1


class Interrupted(Exception):
    """The laboratory is to end."""


class Programs:
    """Where the programs are."""

    def __init__(self, folder):
        self.folder = folder

    def __getitem__(self, name):
        return os.path.join(self.folder, name)


class Stage:
    """Programs, a folder for logs, the key of the servers, and the wish to end."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.key = None
        # A plain flag: what a signal handler sets must not have a lock.
        self.is_stopped = False

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, CHECK_SECONDS))

    def check(self):
        if self.is_stopped:
            raise Interrupted
