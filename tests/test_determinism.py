"""Same run, same bytes: in another process, with another hash seed, in another order of events (I10)."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from fakes import commands, folders

VECTORS = Path(__file__).parent / "vectors" / "provenance.jsonl.gz"
SEEDS = ["0", "1", "random"]


@pytest.fixture(scope="module")
def requests():
    """The requests of the 400 recorded cases, one a line."""
    with gzip.open(VECTORS) as lines:
        return b"".join(json.dumps(json.loads(line)["request"]).encode() + b"\n" for line in lines)


def test_provenance_has_the_same_bytes_under_every_hash_seed(requests):
    """Of every recorded case; none of them finds a bug."""
    found = [commands.process("provenance", "-", stdin=requests, PYTHONHASHSEED=seed) for seed in SEEDS]

    assert [(ended.code, ended.told) for ended in found] == [(0, "")] * len(SEEDS)
    assert found[0].out.count(b"\n") == requests.count(b"\n") == 400
    assert Counter(ended.out for ended in found) == {found[0].out: len(SEEDS)}


def test_requests_do_not_colour_each_other(requests):
    """Each answer is the same when the requests come in another order."""
    lines = requests.splitlines(keepends=True)[::4]
    forth = commands.run("provenance", "-", stdin=b"".join(lines)).out.splitlines()
    back = commands.run("provenance", "-", stdin=b"".join(reversed(lines))).out.splitlines()

    assert forth == back[::-1]


@pytest.mark.parametrize("word", ["in-toto", "slsa/v2alpha4"])
def test_statements_of_the_examples_have_the_same_bytes_under_every_hash_seed(word):
    files = sorted(commands.EXAMPLES.iterdir())
    found = [commands.process("provenance", "--deep", "--format", word, *files, PYTHONHASHSEED=seed) for seed in SEEDS[1:]]

    assert found[0] == found[1]
    assert (found[0].code, found[0].out.count(b"\n")) == (0, 9)


def test_the_controller_leaves_the_same_bytes_under_every_hash_seed(tmp_path):
    """Signed copies, blobs and indexes: local keys sign deterministically."""
    folders.keys(tmp_path / "keys")
    for seed in SEEDS[1:]:
        arguments = ["--source", commands.EXAMPLES, "--out", tmp_path / seed, "--keys", tmp_path / "keys", "--once"]
        ended = commands.process("controller", *arguments, "--config", commands.EXAMPLES_CONFIG, PYTHONHASHSEED=seed)
        assert ended.code == 0, ended.told
    one, other = (folders.contents(tmp_path / seed) for seed in SEEDS[1:])
    del one["sealwright.db"], other["sealwright.db"]

    assert one == other
    assert len([path for path in one if path.endswith(".signed.json")]) == 9
