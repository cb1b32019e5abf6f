#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""output_schemas.py BINARY CACHE: what each command prints with --format json is what `torchlathe schema COMMAND` says, and no more: an output
with a member that the schema does not know, or without one that it asks for, is refused. Every command that prints JSON has a schema."""
import copy
import json
import re
import sys
import tempfile
from pathlib import Path

from every_command import NIX, calls, make_scene, run_call
from python_index import need

try:
    import jsonschema
except ImportError:
    cache = Path(sys.argv[2]) / "check-jsonschema"
    need(f"{cache}/check_jsonschema-*.dist-info", "install", "-q", "--target", str(cache), "check-jsonschema")
    sys.path.append(str(cache))
    import jsonschema

binary = Path(sys.argv[1]).resolve()
root = Path(__file__).resolve().parent.parent
wrong, outputs = [], 0


def schema_of(name):
    code, out, err = run_call(binary, ["schema", name], "/", None)
    if code:
        wrong.append(err.strip())
    return json.loads(out or "{}")


def documents(text):
    """One, or one a line."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]


def check(name, document, of):
    validator = validators.setdefault(name, jsonschema.Draft7Validator(schema_of(name)))
    if (error := jsonschema.exceptions.best_match(validator.iter_errors(document))):
        wrong.append(f"{of}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
        return
    valid.add(name)
    if validator.is_valid(document | {"a_new_member": 1}):
        wrong.append(f"{name}: its schema takes members that it does not know")
    for member in document:
        if name != "catalog" and validator.is_valid({key: value for key, value in document.items() if key != member} or {"": 0}):
            optional.add(f"{name}.{member}")
    for changed in with_a_member_more(document):
        if validator.is_valid(changed):
            wrong.append(f"{of}: its schema takes a member that it does not know, inside")


def with_a_member_more(document, most=40):
    """Copies of it, each with a member more in one of the objects in it that have fixed members."""
    places = []

    def walk(node, path):
        if isinstance(node, dict):
            if path and path[-1] not in MAPS:
                places.append(path)
            for key, value in node.items():
                walk(value, path + [key])
        elif isinstance(node, list):
            for i, value in enumerate(node[:2]):
                walk(value, path + [i])

    walk(document, [])
    for path in places[:most]:
        changed = copy.deepcopy(document)
        node = changed
        for step in path:
            node = node[step]
        node["a_new_member"] = 1
        yield changed


# Objects whose members are data.
MAPS = {"parts", "labels", "details", "extensions", "bytes", "facts", "unseen", "default_capabilities"}
# Members of the whole that are not in every output.
OPTIONAL = {"restore.sha256", "carve.side", "carve.wheel", "carve.unchanged", "carve.loose_dropped", "carve.image", "carve.layers", "carve.wheels", "carve.merged",
            "shrink.output", "inspect.cpu", "inspect.not_read", "inspect.embedded", "inspect.carved", "inspect.images"}
validators, valid, optional = {}, set(), set()
with tempfile.TemporaryDirectory(prefix="lathe-json-") as folder:
    environment = make_scene(binary, folder)
    for call, takes_json in calls():
        if not takes_json:
            continue
        code, out, err = run_call(binary, [*call, "-f", "json"], folder, environment)
        of = " ".join(call)[:80]
        if out:
            try:
                printed = documents(out)
            except json.JSONDecodeError:
                wrong.append(f"{of}: prints what is not JSON: {out[:100]}")
                continue
            for document in printed:
                outputs += 1
                check(call[0], document, of)
        if code in (2, 3) or not out:
            if not err.startswith("{"):
                wrong.append(f"{of}: exit {code}, and no error in JSON: {err[:200]}")
                continue
            check("error", json.loads(err), of)
    names = [line.split()[0] for line in run_call(binary, ["--help"], folder, environment)[1].splitlines() if re.match(r"  [a-z-]+ ", line)]
    prints_json = {name for name in names if re.search(r"--format.*\bjson\b", run_call(binary, [name, "--help"], folder, environment)[1])}

shipped = {path.name.removesuffix(".schema.json") for path in (root / "schemas").glob("*.schema.json")}
if prints_json - shipped or shipped - prints_json != {"matrix", "error"}:
    wrong.append(f"commands with JSON: {sorted(prints_json)}, schemas: {sorted(shipped)}")
unseen = (prints_json | {"error"}) - valid - (set() if NIX else {"build", "conform"})
if unseen - {"arch-patch"}:
    wrong.append(f"no output was held against {sorted(unseen)}")
if optional - OPTIONAL:
    wrong.append(f"not required by their schema: {sorted(optional - OPTIONAL)}")
parts = {}
for name in sorted(shipped - {"matrix"}):
    schema = json.loads((root / f"schemas/{name}.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    for part, text in schema.get("$defs", {}).items():
        if parts.setdefault(part, text) != text:
            wrong.append(f"{name}: its {part} is another one than in other schemas")
print("\n".join(wrong[:40] + [f"{outputs} outputs of {len(valid)} kinds, {len(wrong)} wrong"]))
sys.exit(bool(wrong))
