"""Generated Tasks, Pipelines and StepActions: each member of each struct turns up, spelt in the ways that YAML allows.

The same number gives the same text for ever, so that recorded answers of Tekton's own code stay comparable.
"""

import random  # noqa: TID251  numbers that are the same each time
from dataclasses import dataclass, field

from sealwright.core.tekton.definitions import DEFINITIONS
from sealwright.core.tekton.gostruct import Dialect, members
from sealwright.core.tekton.schema import STRUCTS

KINDS = ("v1.Task", "v1.Pipeline", "v1beta1.Task", "v1beta1.Pipeline", "v1beta1.StepAction")

WORDS = ("a", "build", "git-clone", "ubuntu:24.04", "$(params.url)", "registry.example/app@sha256:0123", "x y", "k8s.io/name")
TEXTS = (
    "", "<a href=\"x?a=1&b=2\">", "C:\\dir\\", "line one\nline two\n", "tab\there", "\x01\x1b\x7f", "\u0085\u2028\u2029\ufeff", "é\u0301ü",
    "\U0001f600", "'quoted'", "# no comment", "- no list", "key: value", "yes", "12", "null", " lead and trail ", "a\r\nb", "\b\f",
)  # fmt: skip
BOOLS = ("true", "false", "yes", "No", "on", "OFF", "y", "N", "True")
INTS = ("0", "1", "42", "-7", "0x1f", "0644", "1_000", "0b101", "2.0", "1e3", "+5", "2147483647")
LARGE = ("9007199254740993", "9223372036854775807", "-9223372036854775808")
PARAMETERS = (
    "8080", "1.5", "1e21", "1e-7", "-0.0", "0x1f", "089", "yes", "~", "2026-01-31", "1:30:00", "12345678901234567890", "1e400", ".5", "5.",
    "18446744073709551616", "[]", "{}", "[1, two, 3.0]", "[a, null]", "{k: <v>, n: 1}", "{b: '2', a: x}", "[[a]]", "{a: {b: c}}", "1_0.5", "=",
)  # fmt: skip
QUANTITIES = (
    "500m",
    "1",
    '"1.5"',
    "1.5",
    "2.125",
    '"1.500"',
    "1024Mi",
    "1536Mi",
    '"00012G"',
    '"+7T"',
    '"128e6"',
    "128e6",
    "1.5Gi",
    "1Ki",
    "0",
    '"-1"',
    "~",
    '"1n"',
    "3E",
)
DURATIONS = ("90m", '"0"', "1.5ms", "500ms", "1h0m0.5s", "1µs", '"-1.5h"', "100h", "1h1m1s1ms1us1ns")
PORTS = ("80", '"80"', "http", "0x50", "0")
TIMES = ('"2026-01-31T12:00:00Z"', "2026-01-31T12:00:00+01:00", "~")
ANYTHING = ("1", "2.50", "1e2", "true", "~", '"<&>"', "text", "[]", "{}", "[1, {b: 2, a: [x]}]", "{zulu: 1, alpha: {b: 1.0}}")


@dataclass
class Author:
    """Writes one definition. `wild` puts things where they do not belong, now and then."""

    number: int
    wild: bool = False
    dice: random.Random = field(init=False)

    def __post_init__(self):
        self.dice = random.Random(self.number)

    def document(self) -> str:
        """A definition; its kind and version go round with its number."""
        kind = KINDS[self.number % len(KINDS)]
        version, _, name = kind.partition(".")
        spec = self.struct(members(kind, Dialect())[3][2], 0)
        parts = [
            f"apiVersion: tekton.dev/{version}",
            f"kind: {name}",
            *self.member("metadata", self.metadata()),
            *self.member("spec", spec),
        ]
        end = self.dice.choice(("\n", "\n", "\r\n"))
        return end.join(parts) + end

    def metadata(self):
        found = {"name": self.text(), "namespace": self.dice.choice(WORDS), "generateName": "gen-", "uid": "1-2", "resourceVersion": '"77"',
                 "labels": self.map("string"), "annotations": self.map("string"), "finalizers": ["a/b"], "creationTimestamp": self.dice.choice(TIMES)}  # fmt: skip
        found["annotations"] |= {"kubectl.kubernetes.io/last-applied-configuration": '"{}"', "tekton.dev/signature": "MEUCIQ"}
        return {name: value for name, value in found.items() if name == "name" or self.dice.random() < 0.4}

    def struct(self, kind, depth):
        found = {}
        listed = members(kind, Dialect())
        for name, is_always, type_ in listed:
            is_needed = type_ == "ParamValue"
            chance = (0.8 if is_always else 0.55) / (1 + depth / 9) * min(1, 14 / len(listed))
            if is_needed or self.dice.random() < chance:
                found[self.wrong(name)] = self.value(type_, depth + 1)
        return found

    def value(self, type_, depth):
        if self.wild and self.dice.random() < 0.02:
            return self.dice.choice((*ANYTHING, *BOOLS, *INTS, *PARAMETERS))
        if type_ not in ("ParamValue", "Quantity", "RawJSON") and self.dice.random() < 0.03:
            return "~"
        if type_.startswith("[]"):
            return [self.value(type_[2:], depth) for _ in range(self.dice.choice((0, 1, 1, 2, 3)))]
        if type_.startswith("{}"):
            return self.map(type_[2:], depth)
        type_ = type_.removeprefix("*")
        if type_ in STRUCTS or type_ in DEFINITIONS:
            return self.struct(type_, depth) if depth < 9 else {}
        return self.scalar(type_)

    def scalar(self, type_):
        pools = {"bool": BOOLS, "int": (*INTS, *LARGE), "int32": INTS, "Quantity": QUANTITIES, "Duration": DURATIONS, "IntOrString": PORTS,
                 "Time": TIMES, "RawJSON": ANYTHING}  # fmt: skip
        if type_ == "string" or (type_ == "ParamValue" and self.dice.random() < 0.5):
            return self.text()
        return self.dice.choice(PARAMETERS if type_ == "ParamValue" else pools[type_])

    def map(self, type_, depth=3):
        return {self.text(): self.value(type_, depth) for _ in range(self.dice.choice((0, 1, 2, 3)))}

    def text(self):
        return self.dice.choice(WORDS) if self.dice.random() < 0.6 else quoted(self.dice.choice(TEXTS))

    def wrong(self, name):
        if self.wild and self.dice.random() < 0.01:
            return self.dice.choice((name.upper(), f"{name}s", "unknown"))
        return name

    def member(self, name, value):
        """Lines of YAML, in block or flow style."""
        if isinstance(value, dict) and value and self.dice.random() < 0.85:
            inner = [line for key, item in value.items() for line in self.member(key, item)]
            return [f"{name}:", *(f"  {line}" for line in inner)]
        if isinstance(value, list) and value and self.dice.random() < 0.85:
            return [f"{name}:", *(line for item in value for line in self.item(item))]
        return [f"{name}: {flow(value)}" + self.dice.choice(("", "", "", "  # why"))]

    def item(self, value):
        if isinstance(value, dict) and value:
            lines = [line for key, item in value.items() for line in self.member(key, item)]
            return [f"{'- ' if n == 0 else '  '}{line}" for n, line in enumerate(lines)]
        return [f"- {flow(value)}"]


def flow(value) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return in_flow(value)


def in_flow(text) -> str:
    """A scalar that also stands inside brackets."""
    return f'"{text}"' if text in WORDS and any(mark in text for mark in ":$ ") else text


def quoted(text: str) -> str:
    """Any text, in double quotes."""
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if " " <= letter < "\x7f" or letter in "éü\u0301":
        return letter
    return f"\\U{ord(letter):08x}"
