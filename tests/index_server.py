# SPDX-License-Identifier: MIT
"""`torchlathe serve` for tests: started on a free port, and what it said."""
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request


class Server:
    def __init__(self, binary, *arguments, environment=None):
        self.process = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", "-v", *map(str, arguments)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment or os.environ)
        first = self.process.stdout.readline()
        assert first.startswith("http://"), first + self.process.stderr.read()
        self.url = re.match(r"http://[^/]*/", first).group()
        self.port = int(self.url.rsplit(":", 1)[1].strip("/"))
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        assert code in (0, -9), f"exit code {code}: {''.join(self.lines)}"

    def said(self, text):
        """Does a line of its log hold this? It comes a moment after the answer."""
        for _ in range(100):
            if any(text in line for line in self.lines):
                return True
            time.sleep(0.05)
        return False

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()


class CuttingProxy:
    """Passes connections on to a port; ends the first one whose answer is longer than `cut` bytes there."""

    def __init__(self, port, cut):
        self.port, self.left, self.was_cut = port, cut, False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.socket.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, sink, answers):
        sent = 0
        try:
            while data := source.recv(16384):
                sink.sendall(data)
                sent += len(data)
                if answers and not self.was_cut and sent > self.left:
                    self.was_cut = True
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
