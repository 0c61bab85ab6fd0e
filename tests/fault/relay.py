"""relay.py - the way to a server that is not ours: it cuts connections at random, in the middle of what is said, and
now and then lets nobody through."""
import contextlib
import socket
import threading

PIECE = 16 << 10


class Relay:
    """`bytes_of_life`: between how few and how many go by before it cuts; `most`: so many connections at most."""

    def __init__(self, port, chance, bytes_of_life=(1000, 100000), most=None):
        self.bytes_of_life, self.most = bytes_of_life, most
        self.there, self.chance, self.is_calm = ("127.0.0.1", port), chance, False
        self.guard, self.cuts = threading.Lock(), 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)  # else accept() keeps it open
        self.socket.close()

    def listen(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def roll(self, low, high):
        with self.guard:
            return self.chance.randint(low, high)

    def serve(self, near):
        with contextlib.suppress(OSError), near:
            if not self.is_calm and self.most is None and self.roll(0, 9) == 0:
                self.cuts += 1
                return
            with socket.create_connection(self.there) as far:
                limit = self.roll(*self.bytes_of_life)
                back = threading.Thread(target=self.pump, args=(far, near, self.roll(*self.bytes_of_life)), daemon=True)
                back.start()
                self.pump(near, far, limit)
                back.join()

    def pump(self, source, sink, limit):
        """Until one side ends, or so many bytes went by, if it is not calm then."""
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE):
                if passed + len(piece) > limit and not self.is_calm:
                    self.cuts += 1
                    self.is_calm = self.cuts == self.most
                    sink.sendall(piece[:max(limit - passed, 0)])
                    break
                passed += len(piece)
                sink.sendall(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
