"""ports.py - ports for programs that cannot choose one themselves, or must find theirs free when they come back: below the
range from which the kernel takes ports, so that nobody's connection and nobody's port 0 gets one meanwhile.

They are a process's own for as long as it lives, also while nothing listens there: it holds blocks of ports by the name of an
abstract socket, which is one per network namespace as ports are, and gives none of them out twice."""
import contextlib
import os
import random
import socket
import threading

RANGE = (12000, 30000)
BLOCK = 100
TRIES_MAX = 10


class Ports:
    """Those of this process."""

    def __init__(self):
        self.empty()

    def empty(self):
        self.blocks, self.left, self.lock = [], [], threading.Lock()

    def take_block(self, chance):
        starts = range(*RANGE, BLOCK)
        for start in chance.sample(starts, len(starts)):
            holder = socket.socket(socket.AF_UNIX)
            with contextlib.suppress(OSError):
                holder.bind(f"\0azimuth-test-ports-{start}")
                self.blocks.append(holder)
                self.left = list(range(start, start + BLOCK))
                return
            holder.close()
        raise OSError("all blocks of ports are held by others")

    def next(self, chance):
        with self.lock:
            if not self.left:
                self.take_block(chance)
            return self.left.pop(chance.randrange(len(self.left)))

    def forget(self):
        """In a child: what is held is its parent's."""
        for holder in self.blocks:
            holder.close()
        self.empty()


own = Ports()
os.register_at_fork(after_in_child=own.forget)


def free_port(chance=random):
    """One that is free now; a program that takes ports elsewhere may be as fast, so whoever starts one at it tries others."""
    while True:
        port = own.next(chance)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port
