"""Patterns of policies: Go's words, whole sources, linear time. tests/e2e/test_tekton.py compares 10,000 pairs with Go."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.policy import patterns

CATALOG = "https://github.com/example/catalog.git"

# pattern, source, whether it matches
MATCHES = {
    "the same text": (CATALOG, CATALOG, True),
    "a wildcard": ("https://github.com/example/.*", CATALOG, True),
    "a slash and a star, as written for globs": ("https://github.com/example/*", CATALOG, False),
    "a part": ("github.com/example/catalog.git", CATALOG, False),
    "its end": ("catalog.git$", CATALOG, False),
    "its beginning": ("^https://github.com", CATALOG, False),
    "both ends written": (r"^https://github\.com/example/catalog\.git$", CATALOG, True),
    "an alternative": (f"other|{CATALOG}", CATALOG, True),
    "an alternative that is a part": ("https://github.com|other", CATALOG, False),
    "an alternative inside both ends, its beginning": ("^https://github.com/example/.*|other$", CATALOG, True),
    "an alternative inside both ends, a foreign source": ("^https://a.example/x|https://b.example/y$", "https://a.example/x.evil", False),
    "an alternative inside both ends, a foreign beginning": ("^https://a.example/x|https://b.example/y$", "evil/https://b.example/y", False),
    "lines inside both ends": (r"(?m)^a$", "a\nb", False),
    "the git resolver's prefix": (CATALOG, f"git+{CATALOG}", True),
    "the prefix twice": (CATALOG, f"git+git+{CATALOG}", False),
    "the prefix in capitals": (CATALOG, f"GIT+{CATALOG}", False),
    "the prefix in the pattern": (rf"git\+{CATALOG}", f"git+{CATALOG}", False),
    "spaces around the source": (CATALOG, f" {CATALOG}\n", True),
    "spaces in the pattern": (f" {CATALOG}", CATALOG, False),
    "a line break in the source": (".*", "https://a\nb", False),
    "a line break at its end": ("x", "x\n", True),
    "a line break that the pattern allows": ("(?s).*", "https://a\nb", True),
    "nothing": ("", "", True),
    "nothing, anchored": ("^$", "", True),
    "only an anchor": ("^", CATALOG, False),
    "capitals": ("HTTPS://.*", CATALOG, False),
    "letters of any script": (r"\pL+", "éa\u03b1", True),
    "a digit of another script": (r"\d+", "\u0661", False),
}  # fmt: skip


@pytest.mark.parametrize(("pattern", "uri", "wanted"), MATCHES.values(), ids=MATCHES)
def test_pattern_spans_the_whole_source(pattern, uri, wanted):
    assert patterns.matches(pattern, uri) is wanted


# What Go says of a pattern that does not compile.
BROKEN = {
    r"catalog\$": r"missing closing ): `^(?:catalog\)$`",
    "a[": "missing closing ]: `[)$`",
    "(": "missing closing ): `^(?:()$`",
    "a**": "invalid nested repetition operator: `**`",
    "a{1001}": "invalid repeat count: `{1001}`",
    r"\q": r"invalid escape sequence: `\q`",
    r"\Z": r"invalid escape sequence: `\Z`",
    r"\C": r"invalid escape sequence: `\C`",
    "(?=a)": "invalid or unsupported Perl syntax: `(?=`",
    "(?<a-b>x)": "invalid named capture: `(?<a-b>`",
    "[z-a]": "invalid character class range: `z-a`",
    "*": "missing argument to repetition operator: `*`",
    "^\\": r"missing closing ): `^(?:\)$`",
    "a)|(.*": "unexpected ): `a)|(.*`",
}


@pytest.mark.parametrize("pattern", BROKEN)
def test_broken_pattern_is_named_in_gos_words(pattern):
    """The last would compile once it is anchored, and match everything."""
    with pytest.raises(ValueError) as caught:
        patterns.matches(pattern, CATALOG)
    assert str(caught.value) == f"error parsing regexp: {BROKEN[pattern]}"


EVIL = (
    "(a+)+$", "(a*)*b", "(a|aa)+b", "(.*)*x", "(x+x+)+y", ".*" * 30 + "x", "(a?){1000}a{1000}", "(?:a{0,30}){0,30}b", r"(\pL{1,100}){1,10}x",
    "(" * 600 + "a+" + ")" * 600, "(?i)" + "[a-z\u00e9]*" * 200, r".*a.{200}b", r"\pL{900}",
)  # fmt: skip


@pytest.mark.parametrize("pattern", EVIL)
def test_evil_pattern_takes_no_time(pattern):
    """Processor time, of compiling and of matching the longest source that is matched."""
    began = time.thread_time()
    with contextlib.suppress(ValueError):
        patterns.matches(pattern, "a" * patterns.URI_LIMIT)
    assert time.thread_time() - began < 0.05


def test_what_is_too_long_is_refused():
    with pytest.raises(ValueError, match="longer than"):
        patterns.matches("a" * (patterns.PATTERN_LIMIT + 1), "a")
    with pytest.raises(ValueError, match="longer than"):
        patterns.matches("a", "a" * (patterns.URI_LIMIT + 1))
    with pytest.raises(ValueError, match="expression too large"):
        patterns.matches(r"\pL{900}", "a")


@given(st.text("ab.*+?()[]{}|^$\\19-,:Pp<>QE", max_size=12), st.text("ab\n./:", max_size=8))
def test_any_pattern_is_read_or_refused(pattern, uri):
    with contextlib.suppress(ValueError):
        patterns.matches(pattern, uri)
