#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_upstream.py BINARY [--without-curl]: `torchlathe serve --upstream` over a second server on this machine, which changes its bytes, asks for a password, goes
away, and speaks HTML alone. --without-curl: python3 fetches.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import small_wheel
from index_server import Server
from needs import need

binary = os.path.abspath(sys.argv[1])
tests = Path(__file__).resolve().parent
need("gcc", "curl")
without_curl = "--without-curl" in sys.argv
JSON = "application/vnd.pypi.simple.v1+json"
PASSWORD = "sesame-of-nobody"


class Upstream(ThreadingHTTPServer):
    """The index of a folder of wheels; what it does wrong is set from outside."""

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder, self.html, self.password, self.hashes, self.asked, self.broken = folder, False, None, {}, [], False
        self.url = f"http://127.0.0.1:{self.server_port}/simple/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def say(self, body, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        allowed = base64.b64encode(f"me:{server.password}".encode()).decode()
        if server.password and self.headers.get("Authorization") != f"Basic {allowed}":
            return self.say(b"who are you?", "text/plain", 401)
        if server.broken:
            return self.say(b"out of order", "text/plain", 500)
        if self.path.startswith("/files/"):
            name = self.path.rsplit("/", 1)[1]
            if name.endswith(".metadata"):
                with zipfile.ZipFile(server.folder / name.removesuffix(".metadata")) as wheel:
                    member, = [one for one in wheel.namelist() if one.endswith("/METADATA")]
                    return self.say(wheel.read(member), "text/plain")
            return self.say((server.folder / name).read_bytes(), "application/octet-stream")
        project = self.path.strip("/").split("/")[-1]
        files = [path for path in sorted(server.folder.glob("*.whl")) if path.name.split("-")[0].replace("_", "-") == project]
        if not files:
            return self.say(b"none", "text/plain", 404)
        self.page(project, files)

    def page(self, project, files):
        server, entries = self.server, []
        for path in files:
            digest = server.hashes.get(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
            with zipfile.ZipFile(path) as wheel:
                member, = [one for one in wheel.namelist() if one.endswith("/METADATA")]
                metadata = hashlib.sha256(wheel.read(member)).hexdigest()
            entries.append({"filename": path.name, "url": f"../../files/{path.name}", "hashes": {"sha256": digest} if digest else {}, "size": path.stat().st_size,
                            "requires-python": ">=3.8", "core-metadata": {"sha256": metadata}, "yanked": "it is broken" if "-0.9-" in path.name else False,
                            "provenance": "https://example.org/attested"})
        if server.html:
            yanked = {one["filename"]: ' data-yanked="it is broken"' if one["yanked"] else "" for one in entries}
            links = "".join(f'<a href="{one["url"]}#sha256={one["hashes"]["sha256"]}" data-requires-python="&gt;=3.8" data-provenance="{one["provenance"]}"'
                            f'{yanked[one["filename"]]}>{one["filename"]}</a>' for one in entries)
            return self.say(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")
        self.say(json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": entries}).encode(), JSON)


def install(url, target, what, ok=True):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--retries", "0", "--target", target,
                           "--index-url", url, what], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=120, check=False)
    assert (done.returncode == 0) == ok, done.stdout
    return done.stdout


def page(server, project, root="sm90/"):
    return {one["filename"]: one for one in json.loads(server.get(f"{root}simple/{project}/", Accept=JSON))["files"]}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def status_of(server, path, method="GET", **headers):
    try:
        request = urllib.request.Request(server.url + path, method=method, headers=headers)
        with urllib.request.build_opener(NoRedirect).open(request, timeout=60) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def other_names(server, work):
    """In the roots of all a wheel's other names are listed once it is known that there is something to carve, and made when they are asked for."""
    local, variant = "fast-1.0+sm90-py3-none-any.whl", "fast-1.0-py3-none-any-sm90.whl"
    listed = page(server, "fast", "")
    assert listed[local]["hashes"] == {} and "fast-1.0+sm86-py3-none-any.whl" not in listed and "fast-0.9+sm90-py3-none-any.whl" not in listed, listed
    assert listed["fast-1.0-py3-none-any.whl"]["provenance"], "the original goes through as it is"
    assert listed["fast-0.9-py3-none-any.whl"]["yanked"] == "it is broken" and listed[local]["requires-python"] == ">=3.8"
    assert not [name for name in page(server, "empty", "") if "+sm" in name]
    install(server.url + "simple/", work / "local", "fast==1.0+sm90")
    assert (work / "local/fast-1.0+sm90.dist-info").is_dir()
    assert (work / "local/fast/libfast.so").read_bytes() == (work / "first/fast/libfast.so").read_bytes(), "one carve for all names"
    assert page(server, "fast", "")[local]["hashes"]["sha256"]
    assert status_of(server, "wheels/fast/fast-1.0+sm86-py3-none-any.whl")[0] == 404
    listed = page(server, "fast", "variants/")
    assert variant in listed and "fast-1.0-variants.json" in listed, listed
    told = json.loads(server.get("variants/wheels/fast/fast-1.0-variants.json"))
    assert list(told["variants"]) == ["sm90"], told
    assert server.get("variants/wheels/fast/" + variant) and page(server, "fast", "variants/")[variant]["hashes"]


def floods(upstream, serve):
    """Names that nobody has: asked for once a minute, and what is known stays known."""
    with serve("--upstream", upstream.url) as server:
        page(server, "fast")
        del upstream.asked[:]
        for _ in range(30):
            assert status_of(server, "sm90/simple/nobody/")[0] == 404
        assert len(upstream.asked) == 1, upstream.asked
        for number in range(60):
            assert status_of(server, f"sm90/simple/nobody-{number}/")[0] == 404
        del upstream.asked[:]
        page(server, "fast")
        assert not upstream.asked, "its page is fresh still"
        upstream.broken = True
        for number in range(20):
            assert status_of(server, f"sm90/simple/broken-{number}/")[0] == 503
        assert json.loads(server.get("sm90/simple/", Accept=JSON))["projects"] == [{"name": "fast"}]
        upstream.broken = False
    print("many who ask for what is not there")


def goes_through(upstream, serve, work):
    fast, plain = "fast-1.0-py3-none-any.whl", "plain-2.0-py3-none-any.whl"
    with serve("--upstream", upstream.url) as server:
        before = page(server, "fast")
        assert before[fast]["hashes"] == {} and "size" not in before[fast] and "provenance" not in before[fast], before
        assert before["fast-0.9-py3-none-any.whl"]["yanked"] == "it is broken" and before[fast]["requires-python"] == ">=3.8"
        assert not any(path.startswith("/files/") for path in upstream.asked), "nothing is fetched for a page"
        link = "sm90/wheels/fast/" + fast
        assert status_of(server, link, "HEAD")[0] == status_of(server, link, Range="bytes=-4000")[0] == 302, "who only looks gets upstream's"
        assert page(server, "fast")[fast]["hashes"] == {} and not any(path.startswith("/files/") for path in upstream.asked), "and nothing is carved"
        install(server.url + "sm90/simple/", work / "first", "fast")
        assert status_of(server, link, "HEAD")[0] == 200 and status_of(server, link, Range="bytes=-4000")[0] == 206
        size = (work / "first/fast/libfast.so").stat().st_size
        assert size < (upstream.folder / "libfast.so").stat().st_size - 100_000, size
        assert (work / "first/plain/__init__.py").exists()
        after = page(server, "fast")[fast]
        assert after["hashes"]["sha256"] not in ("", hashlib.sha256((upstream.folder / fast).read_bytes()).hexdigest())
        assert after["core-metadata"] == before[fast]["core-metadata"], "dependencies are what upstream says"
        small = page(server, "plain")[plain]
        assert small["url"].startswith(upstream.url.replace("simple/", "files/")) and small["provenance"], "small wheels are left to upstream"
        code, headers = status_of(server, "sm90/wheels/empty/empty-1.0-py3-none-any.whl")
        assert code == 302 and headers["location"].endswith("/files/empty-1.0-py3-none-any.whl"), "without device code: a redirect"
        assert page(server, "empty")["empty-1.0-py3-none-any.whl"]["hashes"], "and the page knows it then"
        vendor = page(server, "nvidia-cublas")["nvidia_cublas-1.0-py3-none-any.whl"]
        assert vendor["url"].startswith("http://") and vendor["hashes"], "NVIDIA's own go through untouched"
        code, headers = status_of(server, "sm90/wheels/nvidia-cublas/nvidia_cublas-1.0-py3-none-any.whl")
        assert code == 302
        assert status_of(server, "sm90/simple/nothing/")[0] == 404
        other_names(server, work)
        upstream.broken = True
        assert page(server, "fast")[fast] == after, "a page is fresh for some minutes"
        assert status_of(server, "sm90/simple/never-seen/")[0] == 503
        upstream.broken = False
    print("pages, carved wheels, redirects, yanked, metadata")


def changed_bytes(upstream, serve, work):
    name = "turn-1.0-py3-none-any.whl"
    with serve("--upstream", upstream.url) as server:
        upstream.hashes[name] = "0" * 64
        told = install(server.url + "sm90/simple/", work / "changed", "turn", ok=False)
        assert "503" in told, told
        assert server.said("is refused"), server.lines
    del upstream.hashes[name]
    with serve("--upstream", upstream.url) as server:
        install(server.url + "sm90/simple/", work / "right", "turn")
    small_wheel.make(upstream.folder, "turn", "1.0", upstream.folder / "libfast.so", padding=1_300_000)
    with serve("--upstream", upstream.url) as server:
        assert page(server, "turn") == {}, "another hash under one name"
        assert server.said("is left out"), server.lines
        upstream.hashes[name] = ""
    with serve("--upstream", upstream.url) as server:
        install(server.url + "sm90/simple/", work / "again", "turn")  # what was carved before
        code, _ = status_of(server, "sm86/wheels/turn/" + name)
        assert code == 200, "and the original of before is what is carved for another GPU"
    print("other bytes under one name are refused")


def secrets(upstream, serve, work):
    upstream.password = PASSWORD
    with serve("--upstream", upstream.url.replace("//", f"//me:{PASSWORD}@")) as server:
        install(server.url + "sm90/simple/", work / "secret", "fast==1.0")
        install(server.url + "sm90/simple/", work / "small", "plain")
        text = server.get("sm90/simple/plain/").decode() + server.get("sm90/simple/fast/").decode() + server.get("simple/fast/").decode()
        assert PASSWORD not in text and "me:" not in text, text
        upstream.password = "another"
        status_of(server, "sm90/simple/never-seen/")
    log = "".join(server.lines)
    assert PASSWORD not in log and "***@" in log, log
    upstream.password = None
    print("a password stays here")


def html_alone(upstream, serve, work):
    upstream.html = True
    with serve("--upstream", upstream.url) as server:
        install(server.url + "sm90/simple/", work / "html", "fast")
        listed = page(server, "fast")
        assert listed["fast-0.9-py3-none-any.whl"]["yanked"] == "it is broken" and listed["fast-1.0-py3-none-any.whl"]["requires-python"] == ">=3.8"
        assert page(server, "plain")["plain-2.0-py3-none-any.whl"]["provenance"] == "https://example.org/attested"
        assert (work / "html/fast/libfast.so").stat().st_size < (upstream.folder / "libfast.so").stat().st_size - 100_000
    upstream.html = False
    print("an upstream that speaks HTML")


def main():
    with tempfile.TemporaryDirectory(prefix="lathe-upstream-") as folder:
        work = Path(folder)
        wheels = work / "wheels"
        wheels.mkdir()
        subprocess.run([sys.executable, tests / "fat_library.py", wheels / "libfast.so", "sm_80=90000,sm_86=90000,sm_90=90000"], check=True)
        for name, version, library, needs, padding in (("fast", "1.0", "libfast.so", ["plain"], 1_200_000), ("fast", "0.9", "libfast.so", [], 1_200_000),
                                                       ("plain", "2.0", None, [], 0), ("empty", "1.0", None, [], 1_200_000),
                                                       ("nvidia-cublas", "1.0", "libfast.so", [], 1_200_000), ("turn", "1.0", "libfast.so", [], 1_200_000)):
            small_wheel.make(wheels, name, version, library and wheels / library, needs, padding)
        upstream = Upstream(wheels)
        caches = iter(work / f"cache{i}" for i in range(9))

        programs = work / "programs"
        programs.mkdir()
        (programs / "python3").symlink_to(sys.executable)
        environment = dict(os.environ, PATH=str(programs)) if without_curl else None

        def serve_with(cache):
            return lambda *words: Server(binary, *words, "--gpu", "8.6,9.0", "--cache", cache, environment=environment)

        goes_through(upstream, serve_with(next(caches)), work)
        changed_bytes(upstream, serve_with(next(caches)), work)
        secrets(upstream, serve_with(next(caches)), work)
        html_alone(upstream, serve_with(next(caches)), work)
        floods(upstream, serve_with(next(caches)))


main()
