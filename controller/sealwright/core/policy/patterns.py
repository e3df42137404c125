"""Patterns of VerificationPolicies: Go's regular expressions, which are RE2's, always over the whole text.

Tekton leaves a pattern alone that begins with ^ and ends with $; here it must span the text too, so that an alternative
inside it cannot match a part (CVE-2026-25542 and its kin). Matching takes time linear in the text.
"""

import re
from functools import lru_cache
from typing import Any

from sealwright.core.errors import Permanent, Reason

# No real pattern or source is longer. With the size of the compiled program this bounds the time of one match: 50 ms.
PATTERN_LIMIT, URI_LIMIT = 2 << 10, 4 << 10  # characters
_PROGRAM_LIMIT = 1 << 20  # bytes

# RE2's words for a fault -> Go's
_FAULTS = {
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "pattern too large - compile failed": "expression too large",
}
_TOKEN = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(.)|.", re.DOTALL)


def anchored(pattern: str) -> str:
    """The pattern as Tekton anchors it: around the whole, unless its author wrote both ^ and $."""
    if pattern.startswith("^") and pattern.endswith("$"):
        return pattern
    return f"^(?:{pattern.removeprefix('^').removesuffix('$')})$"


def matches(pattern: str, uri: str) -> bool:
    """Whether the pattern matches the whole of `uri`, spaces around it and one leading `git+` left out, as Tekton does.

    Raises ValueError in Go's words for a pattern that does not compile, alone or anchored.
    """
    source = uri.strip(_GO_SPACE).removeprefix("git+")
    if len(source) > URI_LIMIT:
        raise ValueError(f"a source of {len(source)} characters is longer than the {URI_LIMIT} that are matched")
    return _compiled(anchored(pattern), pattern).fullmatch(source) is not None


# unicode.IsSpace
_GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)


@lru_cache(maxsize=1024)
def _compiled(whole: str, alone: str) -> Any:
    """The anchored pattern; `alone` must compile too, or its brackets could close what anchors it."""
    if len(alone) > PATTERN_LIMIT:
        raise ValueError(f"a pattern of {len(alone)} characters is longer than the {PATTERN_LIMIT} that are read")
    compiled = _compile(whole)
    _compile(alone)
    return compiled


def _compile(pattern: str) -> Any:
    try:
        import re2  # noqa: PLC0415  an extra
    except ImportError as error:
        raise Permanent(Reason.INVALID_CONFIG, "policies need RE2: install sealwright[policy]") from error
    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _PROGRAM_LIMIT
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"error parsing regexp: {_in_go_words(error.args[0].decode())}") from error
    if any(token[1] == "C" for token in _TOKEN.finditer(pattern)):
        raise ValueError(r"error parsing regexp: invalid escape sequence: `\C`")
    return compiled


def _in_go_words(fault: str) -> str:
    code, _, place = fault.partition(": ")
    return f"{_FAULTS.get(code, code)}: `{'' if code.startswith('trailing') else place}`"
