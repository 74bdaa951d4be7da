"""Starts shim.py where a line is to be."""

import os
import subprocess
import sys

import kernel

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.py")


def start(node, *options):
    """The process that carries frames between `left` and `right` of a node, with the options of
    shim.py."""
    shim = subprocess.Popen(
        kernel.inside(node.namespace, sys.executable, "-B", PROGRAM, *map(str, options)),
        stdout=subprocess.PIPE, text=True)
    if shim.stdout.readline() != "ready\n":
        raise kernel.KernelError("the line between two networks did not start")
    return shim
