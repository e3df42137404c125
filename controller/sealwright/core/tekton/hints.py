"""Type hints: how results say what was built and what it was built from. Rules: Chains' type hinting, quirks included.

A pair of results `<marker>IMAGE_URL` and `<marker>IMAGE_DIGEST`, the list `IMAGES`, pairs `<marker>ARTIFACT_URI` and
`<marker>ARTIFACT_DIGEST`, objects `*ARTIFACT_OUTPUTS` and `*ARTIFACT_INPUTS`, and the pair CHAINS-GIT_URL, CHAINS-GIT_COMMIT.
Order is that of first appearance. What looks like a hint and cannot be used leaves a Finding: nothing is ignored silently.
"""

import re
from collections.abc import Iterable, Sequence

from sealwright.core import oci
from sealwright.core.errors import Permanent, quote
from sealwright.core.model import Finding, Subject, value
from sealwright.core.tekton.results import Named

GIT_URL = "CHAINS-GIT_URL"
GIT_COMMIT = "CHAINS-GIT_COMMIT"
OUTPUTS = "ARTIFACT_OUTPUTS"
INPUTS = "ARTIFACT_INPUTS"

_HEX = {"sha1": 40, "sha256": 64, "sha384": 96, "sha512": 128}
_LOWER_HEX = re.compile(r"[a-f0-9]+")
_SEPARATORS = re.compile(r"[\n,]")
_SHORTEST = len("xx@sha256:") + 64  # a list may name a million of shorter ones
_MANY = 100  # findings in one list of results


@value
class Uri:
    """A uri with one digest; `algorithm` and `hex` normalised, `raw` as the result had them (Chains writes either)."""

    uri: str
    algorithm: str
    hex: str
    raw: tuple[str, str]

    @property
    def subject(self) -> Subject:
        """Chains writes the digest of an output as it stood, neither trimmed nor lowered."""
        return Subject(name=self.uri, digest={self.raw[0]: self.raw[1]})


@value
class Hints:
    """What one list of results says. `images` has no repeats; `outputs` are all valid ones, flagged or not."""

    images: tuple[oci.Image, ...] = ()
    uris: tuple[Uri, ...] = ()
    outputs: tuple[Uri, ...] = ()
    build_artifacts: tuple[Uri, ...] = ()
    inputs: tuple[Uri, ...] = ()
    findings: tuple[Finding, ...] = ()


def digest(text: str) -> tuple[str, str] | None:
    """`algorithm:hex` lowered and trimmed, if it is a sha1, sha256, sha384 or sha512 of the right length."""
    parts = text.split(":")
    if len(parts) != 2:
        return None
    algorithm, digits = parts[0].strip(_SPACE).lower(), parts[1].strip(_SPACE)
    is_valid = len(digits) == _HEX.get(algorithm, -1) and _LOWER_HEX.fullmatch(digits)
    return (algorithm, digits) if is_valid else None


def read(results: Sequence[Named], where: str = "status.results") -> Hints:
    """Every hint in these results; `where` is the path that findings name."""
    if not results:
        return _NOTHING
    found: list[Finding] = []
    images = [*_image_pairs(results, where, found), *_images_list(results, where, found)]
    outputs = _objects(results, OUTPUTS, where, found)
    builds = tuple(output for result, output in outputs if _is_build_artifact(result))
    images += [image for output in builds if (image := _parse(f"{output.uri}@{_raw(output)}"))]
    return Hints(
        images=tuple({image.reference: image for image in images}.values()),
        uris=tuple(_uri_pairs(results, where, found)),
        outputs=tuple(output for _, output in outputs),
        build_artifacts=builds,
        inputs=tuple(entry for _, entry in _objects(results, INPUTS, where, found)),
        findings=tuple(found),
    )


_NOTHING = Hints()


def git(param_sets: Iterable[Iterable[tuple[str, str]]], results: Sequence[Named]) -> tuple[str, str]:
    """(url, commit) as results, else parameters, else defaults name them; "" where none does.

    `param_sets` are (name, value) pairs, weakest first. A later value wins even when it is empty, as in Chains.
    """
    url, commit = "", ""
    sources = [*param_sets, ((result.name, result.text) for result in results)]
    for name, text in (pair for source in sources for pair in source):
        url = text if name == GIT_URL else url
        commit = text if name == GIT_COMMIT else commit
    return url, commit


def spdx(url: str) -> str:
    """A git URL in SPDX form: `git+` before it and `.git` behind it, each unless it is there."""
    prefixed = url if url.startswith("git+") else f"git+{url}"
    return prefixed if prefixed.endswith(".git") else f"{prefixed}.git"


def is_byproduct(result: Named) -> bool:
    """Whether slsa/v2alpha4 lists this result as a byproduct: all but what names an image or a build artifact."""
    if result.name.endswith(OUTPUTS):
        return isinstance(result.read, dict) and not _is_build_artifact(result)
    return not (result.name.endswith(("IMAGE_URL", "IMAGE_DIGEST")) or result.name == "IMAGES")


def _raw(output: Uri) -> str:
    return f"{output.raw[0]}:{output.raw[1]}"


# What Go trims (unicode.IsSpace); str.strip() would also take U+001C to U+001F.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def _pairs(results: Sequence[Named], first: str, second: str) -> dict[str, list[str]]:
    """Marker -> the two values, trimmed, "" where one is missing; markers in order of first appearance."""
    pairs: dict[str, list[str]] = {}
    both = (first, second)
    for result in results:
        if result.name.endswith(both) and (text := result.text.strip(_SPACE)):
            position = int(not result.name.endswith(first))  # neither word ends with the other
            pairs.setdefault(result.name.removesuffix(both[position]), ["", ""])[position] = text
    return pairs


def _image_pairs(results: Sequence[Named], where: str, found: list[Finding]) -> Iterable[oci.Image]:
    for marker, (url, digest_text) in _pairs(results, "IMAGE_URL", "IMAGE_DIGEST").items():
        if not (url and digest_text):
            _half(found, where, f"{marker}IMAGE_URL", f"{marker}IMAGE_DIGEST", is_first=bool(url))
        elif image := _parse(f"{url}@{digest_text}", where, f"{marker}IMAGE_URL", found):
            yield image


def _images_list(results: Sequence[Named], where: str, found: list[Finding]) -> Iterable[oci.Image]:
    for result in results:
        if result.name != "IMAGES":
            continue
        if not isinstance(result.read, str):
            _ignore(found, where, "IMAGES", "wanted text with commas or line ends between images, found a list or object")
        entries = dict.fromkeys(entry.strip(_SPACE) for entry in _SEPARATORS.split(result.text))
        short = [text for text in entries if text and len(text) < _SHORTEST]
        if short:
            why = f"{len(short)} entries are too short for REPOSITORY@sha256:<64 hex digits>; the first is {quote(short[0])}"
            _ignore(found, where, "IMAGES", why)
        for text in entries:
            if len(text) >= _SHORTEST and (image := _parse(text, where, "IMAGES", found)):
                yield image


def _uri_pairs(results: Sequence[Named], where: str, found: list[Finding]) -> Iterable[Uri]:
    for marker, (uri, text) in _pairs(results, "ARTIFACT_URI", "ARTIFACT_DIGEST").items():
        if not (uri and text):
            _half(found, where, f"{marker}ARTIFACT_URI", f"{marker}ARTIFACT_DIGEST", is_first=bool(uri))
        elif parsed := digest(text):
            yield _uri(uri, parsed, text)
        else:
            _ignore(found, where, f"{marker}ARTIFACT_DIGEST", _bad_digest(text))


def _objects(results: Sequence[Named], suffix: str, where: str, found: list[Finding]) -> list[tuple[Named, Uri]]:
    """Each valid object result whose name ends so, with what it says."""
    valid = []
    for result in results:
        if not result.name.endswith(suffix):
            continue
        fields = result.read
        if not isinstance(fields, dict):
            _ignore(found, where, result.name, "wanted an object with uri and digest, found another type")
        elif not fields.get("uri") or not fields.get("digest"):
            _ignore(found, where, result.name, "the object needs both uri and digest")
        elif parsed := digest(fields["digest"]):
            valid.append((result, _uri(fields["uri"], parsed, fields["digest"])))
        else:
            _ignore(found, where, result.name, _bad_digest(fields["digest"]))
    return valid


def _is_build_artifact(result: Named) -> bool:
    return isinstance(result.read, dict) and result.read.get("isBuildArtifact") == "true"


def _uri(uri: str, parsed: tuple[str, str], text: str) -> Uri:
    algorithm, _, digits = text.partition(":")
    return Uri(uri=uri, algorithm=parsed[0], hex=parsed[1], raw=(algorithm, digits))


def _parse(text: str, where: str = "", name: str = "", found: list[Finding] | None = None) -> oci.Image | None:
    try:
        return oci.image(text)
    except Permanent as error:
        if found is not None:
            _ignore(found, where, name, error.message)
        return None


def _bad_digest(text: str) -> str:
    return f"wanted a digest like sha256:<64 hex digits> (or sha1, sha384, sha512), found {quote(text)}"


def _half(found: list[Finding], where: str, first: str, second: str, *, is_first: bool) -> None:
    """One result of a pair stands alone."""
    if len(found) > _MANY:
        return  # nothing more is told, and with thousands of these the words would be most of the work
    there, missing = (first, second) if is_first else (second, first)
    _ignore(found, where, there, f"the result {quote(missing)} that belongs to it is missing or empty")


def _ignore(found: list[Finding], where: str, name: str, why: str) -> None:
    if len(found) < _MANY:
        found.append(Finding(where=f"{where}[{quote(name)}]", message=f"ignored: {why}"))
    elif len(found) == _MANY:
        found.append(Finding(where=where, message=f"more than {_MANY} hints were ignored; the others are not told"))
