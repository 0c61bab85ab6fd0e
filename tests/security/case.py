"""case.py - cases, and a server that is started once for those of a file."""


class Failed(Exception):
    """What a case found wrong, in a sentence."""


class Skipped(Exception):
    """Why a case cannot be tried here."""


def check(good, sentence):
    if not good:
        raise Failed(sentence)


class Group:
    """The cases of a file, and the server that they share, started by the first that asks for it."""

    def __init__(self, start):
        self.cases, self.start, self.started = [], start, None

    def case(self, function):
        self.cases.append(function)
        return function

    def server(self):
        if self.started is None:
            self.started = self.start()
        return self.started

    def close(self):
        if self.started:
            self.started.__exit__(None, None, None)
