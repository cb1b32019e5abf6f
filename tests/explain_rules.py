#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every rule that the sources report has a text in `torchlathe explain` under the command that reports it, and every text's
rule is still reported. Rules are found where a Finding gets its name: written there, chosen between two, or handed to
a function that passes it on. A way of naming one that this does not understand is an error too, so that none slips by."""
import json
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
RULE = re.compile(r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"')
PASSED_ON = re.compile(r"(?:std::move\()?rule\)?$")
# Read back from a recording or a database, copied from another finding, of a table that is scanned by itself, or no text.
COPIED = re.compile(r"note\.text\(|text\(row|\.rule\b|rule\.name|rule_\.name|nullptr|&rule\b|rules_\.size")


def argument_list(text, start):
    """The arguments of the call whose opening bracket is before `start`: split at commas outside of brackets and texts."""
    parts, depth, part, at = [], 0, "", start
    while at < len(text):
        c = text[at]
        if c == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            part += text[at:end + 1]
            at = end + 1
            continue
        if c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return parts + [part.strip()]
            depth -= 1
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
        at += 1
    return parts + [part.strip()]


def passing_function(text, position):
    """(name, class, place among the parameters, default) of the function around `position` that has a parameter `rule`."""
    best = None
    for head in re.finditer(r"\b(?:(\w+)::)?(\w+)\(((?:[^()]|\([^()]*\))*)\)\s*(?:const\s*)?\{", text[:position]):
        parameters = argument_list(head[3] + ")", 0)
        for place, parameter in enumerate(parameters):
            found = re.match(r"(?:std::string|const std::string&|std::string_view|const char\*) rule(?: = \"([^\"]+)\")?$", parameter)
            if found:
                best = (head[2], head[1], place, found[1])
    return best


def other_writers(texts):
    """A finding is written as JSON in one place: base/finding_json.cpp. A build's record names its rule alone."""
    return [f"{file}: findings are written as JSON by base/finding_json.h" for file, text in texts.items()
            if 'member("rule"' in text and not file.endswith(("base/finding_json.cpp", "cli/history.cpp"))]


def compared(texts):
    """(rule, file) of each rule that a source asks for by its name."""
    return [(name, file) for file, text in texts.items() if not file.startswith("src/cpu/isa/")  # rows of decoders' tables
            for name in re.findall(r'\brule [!=]= "([^"]+)"', text)]


def passing_headers(texts):
    """{name: place of `rule` among its parameters} of the functions in headers that report a rule for whoever calls them."""
    found = {}
    for file, text in texts.items():
        for hit in re.finditer(r"\.rule = ", text) if file.endswith(".h") else ():
            function = passing_function(text, hit.start())
            if function and not function[1] and PASSED_ON.match(argument_list(text, hit.end())[0]):
                found[function[0]] = function[2]
    return found


def rules_of(texts, reporters=()):
    """{rule: file} and problems, of {file: text} of one folder; `reporters`: the passing_headers of all folders."""
    found, problems, passing = {}, [], set()
    for file, text in texts.items():
        if file.endswith("cpu_scan_names.cpp"):  # another kind of rule: of names that ask the processor
            continue
        for name in reporters:
            for hit in re.finditer(rf"(?<![\w:]){name}\(", text):
                value = (argument_list(text, hit.end()) + [""] * 9)[reporters[name]]
                function = PASSED_ON.match(value) and passing_function(text, hit.start())
                if RULE.fullmatch(value):
                    found[RULE.fullmatch(value)[1]] = file
                elif function:
                    passing.add((file, *function))
        for hit in re.finditer(r"\.rule = ", text):
            value = argument_list(text, hit.end())[0].split(";")[0].strip()
            line = text.count("\n", 0, hit.start()) + 1
            if COPIED.search(value):
                continue
            if RULE.search(value):
                found.update({name: file for name in RULE.findall(value)})
            elif PASSED_ON.match(value):
                function = passing_function(text, hit.start())
                if function:
                    passing.add((file, *function))
                else:
                    problems.append(f"{file}:{line}: who passes this rule on? {value}")
            else:
                problems.append(f"{file}:{line}: a rule named in a way that tests/explain_rules.py does not know: {value}")
        for hit in re.finditer(r"(?:notes|findings|breaches|failures|out)_?\.add\(\{\s*\"", text):
            problems.append(f"{file}:{text.count(chr(10), 0, hit.start()) + 1}: name the fields of a Finding")
    for home, name, owner, place, default in passing:
        if default:
            found[default] = home
        for file, text in texts.items():
            call = rf"(?<![\w:]){name}\(" if file == home else rf"\w\.{name}\("
            if file != home and not owner:
                continue
            for hit in re.finditer(call, text):
                arguments = argument_list(text, hit.end())
                if len(arguments) > place and RULE.search(arguments[place]) and not re.match(r"[\w:&<> ]+ rule\b", arguments[place]):
                    if re.fullmatch(r'"[^"]*"|.*\? *"[^"]*" : "[^"]*"', arguments[place]):
                        found.update({each: file for each in RULE.findall(arguments[place])})
    return found, problems


def self_check():
    sources = {"a.cpp": 'void one() { out.add({.rule = "first-rule", .what = "x"}); b.rule = "second-rule"; }\n'
                        'void two() { out.add({.rule = bad ? "third-rule" : "fourth-rule"}); }\n'
                        'void Reader::warn(std::string rule, int at) { out.add({.rule = std::move(rule)}); }\n'
                        'void three() { warn("fifth-rule", f(1, "not-this")); }\n'
                        'void quiet(std::string what, std::string rule = "sixth-rule") { out.add({.rule = std::move(rule)}); }\n',
               "b.cpp": 'void four() { reader.warn("seventh-rule", 2); quiet("eighth-rule"); }\n'}
    found, problems = rules_of(sources)
    assert sorted(found) == sorted(f"{n}-rule" for n in ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")), found
    assert not problems, problems
    assert rules_of({"a.cpp": "out.add({.rule = made_up(3)});"})[1], "an unknown way of naming a rule must be seen"
    assert rules_of({"a.cpp": 'out.add({"positional"});'})[1]
    header = {"a.h": 'inline void tell(Findings& out, std::string rule, int at) { out.add({.rule = std::move(rule)}); }'}
    assert passing_headers(header) == {"tell": 1}
    told = {"b.cpp": 'void Reader::warn(std::string rule) { tell(out_, std::move(rule), 0); }\nvoid f() { warn("one-rule"); tell(out, "two-rule", 1); }'}
    assert sorted(rules_of(told, {"tell": 1})[0]) == ["one-rule", "two-rule"] and not rules_of(told)[0]
    assert compared({"a.cpp": 'if (finding.rule != "first-rule") return; x(rule == "b-rule")'}) == [("first-rule", "a.cpp"), ("b-rule", "a.cpp")]
    assert other_writers({"a.cpp": 'json.begin_object().member("rule", finding.rule);'})


def commands_of(file):
    """Commands of which one must have the text of a rule in this file."""
    folder, name = file.split("/")[1], file.split("/")[-1]
    by_name = {"smoke.cpp": "smoke", "examine.cpp": "doctor"}
    by_folder = {"host": "detect", "formats": "inspect", "package": "inspect", "device": "inspect", "cpu": "inspect", "simple": "export"}
    if folder == "cli":
        return [name.removesuffix(".cpp")]
    return [by_name.get(name) or by_folder.get(folder, folder)]


def source_rules():
    found, problems, asked = [], [], []
    folders = sorted({path.parent for path in (root / "src").rglob("*.cpp")})
    reporters = passing_headers({str(path): path.read_text() for path in (root / "src").rglob("*.h")})
    for folder in folders:
        texts = {str(path.relative_to(root)): path.read_text() for path in sorted(folder.glob("*.[ch]*"))
                 if not path.name.endswith("_test.cpp") and path.suffix in (".cpp", ".h")}
        rules, wrong = rules_of(texts, reporters)
        problems += wrong + other_writers(texts)
        asked += compared(texts)
        found += [(rule, file, commands_of(file)) for rule, file in rules.items()]
    for path in sorted((root / "src/audit/rules").glob("*.cpp")):
        rows = re.findall(r'^ +\{"([a-z0-9-]+)",\s+Severity::(?:error|warning|note),', path.read_text(), re.M)
        found += [(rule, str(path.relative_to(root)), ["audit"]) for rule in rows]
    written = (root / "src/diagnose/rules.toml").read_text()
    found += [(rule, "src/diagnose/rules.toml", ["diagnose"]) for rule in re.findall(r'^\[\[rule\]\]\nname = "([^"]+)"', written, re.M)]
    return found, problems, asked


def main():
    self_check()
    found, problems, asked = source_rules()
    listing = subprocess.run([sys.argv[1], "explain", "--format", "json"], capture_output=True, text=True, check=True)
    topics = json.loads(listing.stdout)["explanations"]
    texts = {(topic["name"], command): topic for topic in topics if topic["kind"] == "rule" for command in topic["of"]}
    for rule, file, commands in found:
        if not any((rule, command) in texts for command in commands):
            problems.append(f"{file}: the rule {rule} has no text in `torchlathe explain`, as one of {commands[0]}: src/cli/explain/rule_texts.toml")
    reported = {rule for rule, _, _ in found}
    problems += [f"{file}: no source reports the rule {rule}, which is asked for here" for rule, file in asked if rule not in reported]
    for name, command in sorted(texts):
        if name not in reported:
            problems.append(f"explain has a text for {name} of {command}, which no source reports")
    for topic in topics:
        told = topic["answer"] and (topic["kind"] == "question" or topic["repair"])
        if not told or (topic["kind"] == "rule" and topic["of"] not in (["audit"], ["diagnose"]) and not topic["why"]):
            problems.append(f"{topic['name']}: the text does not say what it means, why and what to do")
    print("\n".join(problems) if problems else f"{len(found)} rules in the sources, {len(topics)} topics")
    return 1 if problems else 0


sys.exit(main())
