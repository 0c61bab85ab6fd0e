"""ports.py - ports for programs that cannot choose one themselves, or must find theirs free when they come back: below the
range from which the kernel takes ports, so that nobody's connection and nobody's port 0 gets one meanwhile."""
import contextlib
import random
import socket

RANGE = (12000, 30000)
TRIES_MAX = 10


def free_port(chance=random):
    """One that is free now: another program may be as fast, so whoever starts one at it tries others."""
    while True:
        port = chance.randrange(*RANGE)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
