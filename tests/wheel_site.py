#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_site.py BINARY: a site of `torchlathe export` behind the nginx of docs/commands/export.md, and `torchlathe serve` behind that of
docs/commands/serve.md with TLS: as the documents have them, but for ports and folders. Skipped (77) without nginx or openssl.
"""
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import small_wheel
from index_server import Server
from needs import need

binary = os.path.abspath(sys.argv[1])
tests = Path(__file__).resolve().parent
nginx = shutil.which("nginx") or "/usr/sbin/nginx"
need("gcc", "openssl", also={"nginx": os.path.exists(nginx)})


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def configuration(page, folder, changes):
    text, = re.findall(r"```nginx\n(.*?)```", (tests.parent / f"docs/commands/{page}.md").read_text(), re.S)
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    path = folder / f"{page}.conf"
    path.write_text(f"{user}daemon off;\npid {folder}/{page}.pid;\nerror_log {folder}/{page}.log;\nevents {{}}\n"
                    f"http {{\naccess_log off;\ndefault_type application/octet-stream;\n{temporary}{text}}}\n")
    return path


class Nginx:
    def __init__(self, path, port):
        self.process = subprocess.Popen([nginx, "-e", "stderr", "-c", path], stderr=subprocess.PIPE)
        for _ in range(200):
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("nginx does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)


def get(url, context=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60, context=context) as answer:
        return answer.read(), answer.headers


def install(url, target, *more):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "REQUESTS_", "CURL_", "SSL_"))} | {"PIP_CONFIG_FILE": os.devnull}
    subprocess.run([sys.executable, "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--target", target, "--index-url", url,
                    *more, "fast"], check=True, env=environment, timeout=120, stdout=subprocess.DEVNULL)
    assert (target / "fast/__init__.py").exists() and (target / "plain/__init__.py").exists()


def static_site(wheels, work):
    site, port = work / "site", free_port()
    subprocess.run([binary, "export", "--wheels", wheels, "--gpu", "8.6,9.0", "-o", site], check=True, stdout=subprocess.DEVNULL)
    with Nginx(configuration("export", work, {"listen 8081;": f"listen 127.0.0.1:{port};", "/srv/site": str(site)}), port):
        root = f"http://127.0.0.1:{port}/sm90/simple/"
        install(root, work / "static")
        html, headers = get(root + "fast/")
        assert headers["content-type"] == "text/html" and b"<a href" in html
        text, headers = get(root + "fast/", Accept="application/vnd.pypi.simple.v1+json, text/html;q=0.1")
        assert headers["content-type"] == "application/vnd.pypi.simple.v1+json" and headers["vary"] == "Accept", headers
        file, = json.loads(text)["files"]
        assert b"#sha256=" + file["hashes"]["sha256"].encode() in html
        wheel, headers = get(root + "fast/" + file["url"])
        assert len(wheel) == file["size"] and "immutable" in headers["cache-control"]
        assert [one["name"] for one in json.loads(get(root, Accept="application/vnd.pypi.simple.v1+json")[0])["projects"]] == ["fast", "plain"]
    print("a site behind nginx: pip installs, both forms of the pages")


def proxied(wheels, work):
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost", "-keyout", work / "wheels.key", "-out", work / "wheels.pem"], check=True, stderr=subprocess.DEVNULL)
    with Server(binary, "--wheels", wheels, "--gpu", "9.0", "--cache", work / "cache") as server:
        changes = {"listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;", "/etc/ssl/wheels": str(work / "wheels"), "http://127.0.0.1:8080": server.url[:-1]}
        with Nginx(configuration("serve", work, changes), port):
            root = f"https://localhost:{port}/sm90/simple/"
            install(root, work / "proxied", "--cert", work / "wheels.pem")
            context = ssl.create_default_context(cafile=work / "wheels.pem")
            page = get(root + "fast/", context)[0].decode()
            link = re.search(r'href="([^"#]*)#sha256', page)[1]
            part, headers = get(urllib.parse.urljoin(root + "fast/", link), context, Range="bytes=10-19")
            assert len(part) == 10 and headers["content-range"].startswith("bytes 10-19/"), headers
    print("serve behind nginx with TLS: pip installs, ranges")


with tempfile.TemporaryDirectory(prefix="lathe-site-") as folder:
    place = Path(folder)
    place.chmod(0o755)
    subprocess.run([sys.executable, tests / "fat_library.py", place / "libfast.so", "sm_80=90000,sm_86=90000,sm_90=90000"], check=True)
    small_wheel.make(place / "wheels", "fast", "1.0", place / "libfast.so", ["plain"])
    small_wheel.make(place / "wheels", "plain", "2.0")
    static_site(place / "wheels", place)
    proxied(place / "wheels", place)
