#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wheel_record.py WHEEL: does its RECORD tell size and hash of each member, and of nothing else?"""
import base64
import csv
import hashlib
import io
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as wheel:
    assert wheel.testzip() is None
    record, = [name for name in wheel.namelist() if name.endswith(".dist-info/RECORD")]
    folder = record.split("/")[0]
    listed = {row[0]: row[1:] for row in csv.reader(io.StringIO(wheel.read(record).decode())) if row}
    assert set(listed) == set(wheel.namelist()), set(listed) ^ set(wheel.namelist())
    for name, (digest, size) in listed.items():
        if name == record:
            continue
        data = wheel.read(name)
        expected = "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (expected, len(data)), name
        assert ".dist-info/" not in name or name.startswith(folder + "/"), name
    print(f"{folder}: right")
