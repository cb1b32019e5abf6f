#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""fetching.py TORCHLATHE: an address is fetched by curl, and where there is none by python3, with the same outcome: redirects within the web,
passwords that go to their own host alone, answers that end early, and hosts that do not answer. `select --from` asks.
"""
import base64
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from needs import need

binary = os.path.abspath(sys.argv[1])
INDEX = b'{"format": "none of ours"}'
WORD = "Basic " + base64.b64encode(b"me:open sesame").decode()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body=INDEX, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        other = self.server.other
        case = self.path.split("/")[1]
        if case == "to-a-file":
            self.answer(302, b"", Location="file:///etc/passwd")
        elif case == "round-and-round":
            self.answer(302, b"", Location=self.path)
        elif case == "elsewhere":
            self.answer(302, b"", Location=f"http://127.0.0.1:{other}/there/index.json")
        elif case == "here":
            self.answer(302, b"", Location="/secret/index.json")
        elif case == "secret" and self.headers.get("Authorization") != WORD:
            self.answer(401, b"who are you?")
        elif case == "cut-off":
            self.answer(200, INDEX[:9], length=len(INDEX))
        elif case == "missing":
            self.answer(404, b"none")
        else:
            self.answer(200)


def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.other = [], 0
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


def outcomes(path, here, other):
    """{case: what select says}"""
    at = f"127.0.0.1:{here.server_port}"
    asked = {name: f"http://{at}/{name}" for name in ("plain", "missing", "to-a-file", "round-and-round", "elsewhere", "cut-off", "secret")}
    asked |= {"password": f"http://me:open%20sesame@{at}/secret", "password, here": f"http://me:open%20sesame@{at}/here",
              "password, elsewhere": f"http://me:open%20sesame@{at}/elsewhere", "nobody": "http://127.0.0.1:1/x", "no such host": "http://nohost.invalid/x"}
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()} | {"PATH": path}
    said = {}
    for case, url in asked.items():
        del here.asked[:], other.asked[:]
        done = subprocess.run([binary, "select", "--from", url, "--no-gpu"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
                              timeout=120)
        said[case] = done.stdout
        assert "sesame" not in done.stdout, done.stdout
        assert "root:" not in done.stdout, "it read /etc/passwd"
        told = [word for _, word in other.asked]
        assert told in ([], [None]), f"{case}: another host got the password"
        if case == "password, elsewhere":
            assert other.asked and here.asked[0][1] == WORD, (here.asked, other.asked)
    return said


def check(said):
    fetched = [case for case, text in said.items() if "cannot fetch the index" not in text]
    assert fetched == ["plain", "elsewhere", "password", "password, here", "password, elsewhere"], said
    for case, word in {"missing": "404", "secret": "401", "cut-off": "bytes", "round-and-round": "redirect"}.items():
        assert word in said[case], said[case]


def main():
    need("curl")
    here, other = server(), server()
    here.other = other.server_port
    with tempfile.TemporaryDirectory(prefix="lathe-fetching-") as name:
        nothing, python = Path(name, "nothing"), Path(name, "python")
        nothing.mkdir()
        python.mkdir()
        (python / "python3").symlink_to(sys.executable)
        check(outcomes(str(Path(shutil.which("curl")).parent), here, other))
        check(outcomes(str(python), here, other))
        said = outcomes_without(str(nothing), here)
        assert "there is neither curl nor python3" in said, said
    print("curl and python3 fetch alike")


def outcomes_without(path, here):
    return subprocess.run([binary, "select", "--from", f"http://127.0.0.1:{here.server_port}/plain", "--no-gpu"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=dict(os.environ, PATH=path)).stdout


main()
