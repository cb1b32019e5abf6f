# SPDX-License-Identifier: MIT
"""What lies at an address, where there is no curl: fetch.cpp's request as JSON on standard input; the body on standard output, or in `output`,
and behind it a line with status, address and content type, as curl's --write-out tells it."""
import base64
import http.client
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

CONNECT, SILENCE, PIECE = 10, 30, 1 << 20


def split_address(url):
    """(the address without name and password, the Authorization header that they make or None)"""
    parts = urllib.parse.urlsplit(url)
    account, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, word = account.partition(":")
    told = f"{urllib.parse.unquote(name)}:{urllib.parse.unquote(word)}".encode()
    return parts._replace(netloc=host).geturl(), "Basic " + base64.b64encode(told).decode()


def origin(url):
    return urllib.parse.urlsplit(url)[:2]


def with_account(url, asked):
    """The address that answered, with the name and password that were given for its host, as curl tells it: links on the page need them."""
    parts, given = urllib.parse.urlsplit(url), urllib.parse.urlsplit(asked)
    account, at, host = given.netloc.rpartition("@")
    same = at and (parts.scheme, parts.netloc) == (given.scheme, host)
    return parts._replace(netloc=f"{account}@{host}").geturl() if same else url


class Redirects(urllib.request.HTTPRedirectHandler):
    """To web addresses alone. A password goes no further than where it was given for."""
    max_redirections = 5

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        word = req.unredirected_hdrs.get("Authorization")
        if word and origin(newurl) == origin(req.full_url):
            new.add_unredirected_header("Authorization", word)
        return new


def opener():
    """As build_opener() makes it, without what reads files, FTP and data."""
    made = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler, urllib.request.HTTPErrorProcessor,
                    urllib.request.HTTPDefaultErrorHandler, Redirects):
        made.add_handler(handler())
    made.addheaders = [("User-Agent", "torchlathe")]
    return made


def copy(answer, out, asked, begun):
    left = asked["largest"]
    while piece := answer.read(min(PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            raise ValueError("Maximum file size exceeded")
        if asked["longest"] and time.monotonic() - begun > asked["longest"]:
            raise TimeoutError("it takes too long")
        out.write(piece)
    missing = answer.length
    if missing:
        raise ValueError(f"end of response with {missing} bytes missing")


def fetch(asked):
    begun = time.monotonic()
    url, word = split_address(asked["url"])
    request = urllib.request.Request(url)
    if asked["accept"]:
        request.add_header("Accept", asked["accept"])
    if word:
        request.add_unredirected_header("Authorization", word)
    with opener().open(request, timeout=min(asked["longest"] or SILENCE, SILENCE)) as answer:
        if asked["output"]:
            with open(asked["output"], "wb") as out:
                copy(answer, out, asked, begun)
        else:
            copy(answer, sys.stdout.buffer, asked, begun)
        return answer.status, with_account(answer.url, asked["url"]), answer.headers.get("Content-Type", "")


def tell(status, url, content_type):
    sys.stdout.buffer.write(f"\n{status}\t{url}\t{content_type}".encode())


def main():
    try:
        tell(*fetch(json.load(sys.stdin)))
    except urllib.error.HTTPError as error:
        tell(error.code, error.url, "")
        if 300 <= error.code < 400:
            sys.exit("it redirects in a circle, too often, or to something else than http and https")
        sys.exit(f"The requested URL returned error: {error.code}")
    except urllib.error.URLError as error:
        sys.exit(f"{error.reason}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.exit(f"{error}")


main()
