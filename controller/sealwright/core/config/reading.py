"""One key's text -> its value, what to warn of, or what is wrong.

Chains' rules are kept where a running ConfigMap may rely on them; where they hide a mistake, the value stays what
Chains makes of it and a warning says so (`hack/adr/0002-configuration-quirks.md`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches

from sealwright.core.config.settings import CHAINS_STORES, RETIRED_FORMATS, SYNONYMS, Kind, Setting
from sealwright.core.config.values import Secret, Value
from sealwright.core.errors import quote
from sealwright.core.model import value

# Go, strconv.ParseBool.
TRUE_WORDS = frozenset(("1", "t", "T", "true", "TRUE", "True"))
FALSE_WORDS = frozenset(("0", "f", "F", "false", "FALSE", "False"))
# What a person writes who wants it off, in lower case: off is what they get, so there is nothing to warn of.
_OFF_WORDS = frozenset(("", "0", "f", "false", "n", "no", "off", "none", "disabled"))

# The longest key has 44 characters; longer foreign text cannot be near to it, and matching costs its length squared.
_MATCH_LIMIT = 64
# A namespace, the beginning of one, or all; a URI of a key, or the name of its files, which leads to no other folder.
_NAMESPACE = re.compile(r"[a-z0-9][-a-z0-9]{0,62}\*?|\*")
_KEY = re.compile(r"file:[A-Za-z0-9][-._A-Za-z0-9]{0,100}|(?!file:)[a-z][a-z0-9]*:\S+")
_KEY_LINES = 500
# Three years: longer waits are mistakes.
_SECONDS_DIGITS = 8
# Wrong words that one message spells out.
_SHOWN_WORDS = 5


@value
class Read:
    """`value` is None exactly where `fault` says why."""

    value: Value | None = None
    warnings: tuple[str, ...] = ()
    fault: str = ""


def read(setting: Setting, raw: str, allowed: Sequence[str]) -> Read:
    """What `raw` means for this setting. `allowed` are the words of this build, where the setting has words."""
    return _READERS[setting.kind](setting, raw, allowed)


def nearest(word: str, words: Iterable[str]) -> str:
    """The word that was probably meant, whatever its case; "" where none is near."""
    plain = {candidate.casefold(): candidate for candidate in words}
    asked = word.strip()[:_MATCH_LIMIT].casefold()
    close = get_close_matches(asked, plain, n=1) or [name for name in plain if asked and name.startswith(f"{asked}-")]
    return plain[close[0]] if close else ""


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """The end of a message: `; did you mean 'kafka'?`, or nothing."""
    near = nearest(word, words)
    return f"; did you mean '{near}'?" if near else ""


def _word(setting: Setting, raw: str, allowed: Sequence[str]) -> Read:
    if raw not in allowed:
        return Read(fault=_wrong_word(setting, raw, allowed))
    return Read(value=_canonical(raw, allowed))


def _stores(setting: Setting, raw: str, allowed: Sequence[str]) -> Read:
    if raw == "":
        return Read(value=())
    words = [word.strip() for word in raw.split(",")]
    wrong = [word for word in dict.fromkeys(words) if word not in allowed]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN_WORDS} more wrong words" if len(wrong) > _SHOWN_WORDS else ""
        return Read(fault="; ".join(_wrong_word(setting, word, allowed) for word in wrong[:_SHOWN_WORDS]) + more)
    kept = [_canonical(word, allowed) for word in words]
    return Read(value=tuple(sorted(set(kept))), warnings=(*_repeats(kept), *_refused_by_chains(setting, words)))


def _names(_setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    names = [name for part in raw.split(",") if (name := part.strip())]
    return Read(value=tuple(sorted(set(names))), warnings=_repeats(names))


def _keys(_setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    lines = [line.split() for line in raw.splitlines() if line.strip()]
    wrong = [line for line in lines if len(line) != 2 or not _NAMESPACE.fullmatch(line[0]) or not _KEY.fullmatch(line[1])]
    if wrong or len(lines) > _KEY_LINES:
        found = quote(" ".join(wrong[0])) if wrong else f"{len(lines)} lines, more than {_KEY_LINES}"
        return Read(
            fault=f"wanted lines of NAMESPACE KEY, such as 'team-a hashivault://team-a' or 'team-b-* file:team-b'; found {found}"
        )
    return Read(value=tuple(f"{namespace} {key}" for namespace, key in lines), warnings=_repeats([line[0] for line in lines]))


def _switch(setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    if raw in TRUE_WORDS or raw in FALSE_WORDS:
        return Read(value=raw in TRUE_WORDS)
    kept = Read(value=setting.default in TRUE_WORDS)
    if raw == "":
        return kept
    told = f"{quote(raw)} is not a boolean and changes nothing: it stays {setting.default}; write 'true' or 'false'"
    return Read(value=kept.value, warnings=(told,))


def _log(_setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    if raw in ("true", "manual"):
        return Read(value=raw)
    if raw.strip().lower() in _OFF_WORDS:
        return Read(value="false")
    told = f"{quote(raw)} leaves the transparency log OFF; write exactly 'true' or 'manual' to log, 'false' not to"
    return Read(value="false", warnings=(told,))


def _seconds(_setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    if raw.isascii() and raw.isdecimal() and 0 < len(raw) <= _SECONDS_DIGITS:
        return Read(value=raw)
    return Read(fault=f"{quote(raw)} is no number of seconds; write it in digits, like 300 for five minutes")


def _text(setting: Setting, raw: str, _allowed: Sequence[str]) -> Read:
    warnings = tuple(
        told for told in (_emptied(setting, raw), _edges(raw), _exposed(setting, raw), _unadvised(setting, raw)) if told
    )
    return Read(value=Secret(text=raw) if raw and setting.safer else raw, warnings=warnings)


_READERS: Mapping[Kind, Callable[[Setting, str, Sequence[str]], Read]] = {
    "word": _word,
    "stores": _stores,
    "names": _names,
    "text": _text,
    "keys": _keys,
    "switch": _switch,
    "log": _log,
    "seconds": _seconds,
}


def _canonical(word: str, allowed: Sequence[str]) -> str:
    meant = SYNONYMS.get(word, word)
    return meant if meant in allowed else word


def _wrong_word(setting: Setting, word: str, allowed: Sequence[str]) -> str:
    kind = setting.room or "value"
    there_are = ", ".join(allowed) or "none"
    if not word:
        return f"no {kind} has an empty name (there are: {there_are}){_or_default(setting)}"
    if word in (CHAINS_STORES if setting.kind == "stores" else setting.words):
        return f"Chains knows {quote(word)}, this version of Sealwright has: {there_are}"
    if setting.room == "format" and word in RETIRED_FORMATS:
        return f"Chains dropped the format {quote(word)} in 2024 (there are: {there_are})"
    return f"no {kind} {quote(word)} (there are: {there_are}){did_you_mean(word, allowed)}"


def _or_default(setting: Setting) -> str:
    return f"; leave the key out for '{setting.default}'" if setting.default and setting.kind == "word" else ""


def _repeats(words: Sequence[str]) -> tuple[str, ...]:
    repeated = [quote(word) for word, times in Counter(words).items() if times > 1]
    return (f"{', '.join(repeated[:_SHOWN_WORDS])}: given more than once; once is enough",) if repeated else ()


def _refused_by_chains(setting: Setting, words: Sequence[str]) -> tuple[str, ...]:
    refused = sorted(set(words) & CHAINS_STORES - set(setting.words))
    return tuple(f"{quote(word)} works here, but Chains refuses a ConfigMap that says so" for word in refused)


def _emptied(setting: Setting, raw: str) -> str:
    emptied = not raw and setting.default
    return f"is empty, which replaces '{setting.default}'; leave the key out to have that" if emptied else ""


def _edges(raw: str) -> str:
    return "" if raw == raw.strip() else "has white space at an end, which is kept as part of the value; remove it"


def _exposed(setting: Setting, raw: str) -> str:
    secret = bool(setting.safer and raw and "://" not in raw) or has_password(raw)
    where = f" and use {setting.safer}" if setting.safer else ""
    told = "holds a secret that everyone who can read ConfigMaps can read; keep it in a Secret"
    return told + where if secret else ""


def _unadvised(setting: Setting, raw: str) -> str:
    if not raw or not setting.advised or raw in setting.advised:
        return ""
    known = ", ".join(setting.advised)
    return f"nothing is known as {quote(raw)} (there are: {known}){did_you_mean(raw, setting.advised)}"


def has_password(address: str) -> bool:
    """Whether an address says `scheme://user:password@...`."""
    return ":" in _user(address)


def without_password(address: str) -> str:
    """The address for showing: who logs in, and with what, is left out."""
    user = _user(address)
    return address.replace(f"{user}@", "(hidden)@", 1) if has_password(address) else address


def _user(address: str) -> str:
    return address.partition("://")[2].partition("/")[0].rpartition("@")[0]
