"""Type hints: what results say was built, and what it was built from."""

import pytest
from fakes import growth
from fakes.tekton_runs import COMMIT, DIGEST, HEX, OTHER_HEX, named, read_task, step, task_run
from fakes.tekton_runs import result as written
from hypothesis import given
from hypothesis import strategies as st

from sealwright.core.tekton import hints, materials
from sealwright.core.tekton.hints import Hints, Uri

OTHER = f"sha256:{OTHER_HEX}"
APP = f"r.io/team/app@{DIGEST}"


def read(**results):
    """Hints of results given as keywords; `__` in a name is a hyphen."""
    return hints.read([named(name.replace("__", "-"), value) for name, value in results.items()])


def images(found):
    return [image.reference for image in found.images]


def uri(name, text=DIGEST):
    algorithm, _, digits = text.partition(":")
    return Uri(uri=name, algorithm=algorithm.strip().lower(), hex=digits.strip(), raw=(algorithm, digits))


# --- digests ------------------------------------------------------------------------------------------------------------

DIGESTS = {
    "sha256": (f"sha256:{HEX}", ("sha256", HEX)),
    "sha1": (f"sha1:{COMMIT}", ("sha1", COMMIT)),
    "sha384": ("sha384:" + "a" * 96, ("sha384", "a" * 96)),
    "sha512": ("sha512:" + "0" * 128, ("sha512", "0" * 128)),
    "the digest of nothing": ("sha256:" + "0" * 64, ("sha256", "0" * 64)),
    "capitals in the algorithm": (f"SHA256:{HEX}", ("sha256", HEX)),
    "space around both": (f" sha256 :\t{HEX}\n", ("sha256", HEX)),
    "capitals in the hex": (f"sha256:{HEX.upper()}", None),
    "63 digits": (f"sha256:{HEX[:-1]}", None),
    "65 digits": (f"sha256:{HEX}0", None),
    "sha1 with the length of sha256": (f"sha1:{HEX}", None),
    "another algorithm": (f"blake2b:{HEX}", None),
    "no algorithm": (HEX, None),
    "an empty algorithm": (f":{HEX}", None),
    "nothing": ("", None),
    "the algorithm twice": (f"sha256:sha256:{HEX}", None),
    "an at sign": (f"sha256@{HEX}", None),
    "a letter that is no hex digit": (f"sha256:{HEX[:-1]}g", None),
    "full-width digits": ("sha256:" + "１" * 64, None),
    "a Cyrillic а": (f"sha256:{HEX[:-1]}а", None),
    "a long s": (f"ſha256:{HEX}", None),
    "a separator that Go does not trim": (f"sha256:\x1c{HEX}", None),
    "NUL at the end": (f"sha256:{HEX}\x00", None),
    "space inside": (f"sha256:{HEX[:32]} {HEX[32:]}", None),
}


@pytest.mark.parametrize(("text", "wanted"), DIGESTS.values(), ids=DIGESTS)
def test_digest_is_normalised_or_refused(text, wanted):
    assert hints.digest(text) == wanted


# --- pairs of results ---------------------------------------------------------------------------------------------------

IMAGE_PAIRS = {
    "no marker": ({"IMAGE_URL": "r.io/team/app", "IMAGE_DIGEST": DIGEST}, [APP]),
    "a marker with a hyphen": ({"x__IMAGE_URL": "r.io/team/app", "x__IMAGE_DIGEST": DIGEST}, [APP]),
    "a marker without separator": ({"fooIMAGE_URL": "r.io/team/app", "fooIMAGE_DIGEST": DIGEST}, [APP]),
    "a marker that is itself a suffix": ({"IMAGE_URLIMAGE_URL": "r.io/team/app", "IMAGE_URLIMAGE_DIGEST": DIGEST}, [APP]),
    "digest first": ({"IMAGE_DIGEST": DIGEST, "IMAGE_URL": "r.io/team/app"}, [APP]),
    "space and line ends around both": ({"IMAGE_URL": " r.io/team/app\n", "IMAGE_DIGEST": f"\t{DIGEST}\r\n"}, [APP]),
    "a tag is dropped": ({"IMAGE_URL": "r.io/team/app:v1", "IMAGE_DIGEST": DIGEST}, [APP]),
    "a short name of Docker Hub": ({"IMAGE_URL": "bash", "IMAGE_DIGEST": DIGEST}, [f"index.docker.io/library/bash@{DIGEST}"]),
    "two markers, in order of first appearance": (
        {"b__IMAGE_DIGEST": DIGEST, "a__IMAGE_URL": "r.io/aa", "b__IMAGE_URL": "r.io/bb", "a__IMAGE_DIGEST": OTHER},
        [f"r.io/bb@{DIGEST}", f"r.io/aa@{OTHER}"],
    ),
    "markers that differ by a hyphen": ({"x__IMAGE_URL": "r.io/team/app", "xIMAGE_DIGEST": DIGEST}, []),
    "url alone": ({"IMAGE_URL": "r.io/team/app"}, []),
    "digest alone": ({"IMAGE_DIGEST": DIGEST}, []),
    "an empty url": ({"IMAGE_URL": "", "IMAGE_DIGEST": DIGEST}, []),
    "a url of spaces": ({"IMAGE_URL": " \n", "IMAGE_DIGEST": DIGEST}, []),
    "a url that is a list": ({"IMAGE_URL": ["r.io/team/app"], "IMAGE_DIGEST": DIGEST}, []),
    "a url that is an object": ({"IMAGE_URL": {"url": "r.io/team/app"}, "IMAGE_DIGEST": DIGEST}, []),
    "a digest that is a number": ({"IMAGE_URL": "r.io/team/app", "IMAGE_DIGEST": 12}, []),
    "sha512": ({"IMAGE_URL": "r.io/team/app", "IMAGE_DIGEST": "sha512:" + "0" * 128}, []),
    "capitals in the algorithm": ({"IMAGE_URL": "r.io/team/app", "IMAGE_DIGEST": f"SHA256:{HEX}"}, []),
    "a url that has a digest already": ({"IMAGE_URL": APP, "IMAGE_DIGEST": DIGEST}, []),
    "lower case": ({"image_url": "r.io/team/app", "image_digest": DIGEST}, []),
    "something behind the suffix": ({"IMAGE_URLS": "r.io/team/app", "IMAGE_DIGESTS": DIGEST}, []),
}


@pytest.mark.parametrize(("results", "wanted"), IMAGE_PAIRS.values(), ids=IMAGE_PAIRS)
def test_image_pair(results, wanted):
    """An image is `<marker>IMAGE_URL` with `<marker>IMAGE_DIGEST`."""
    assert images(read(**results)) == wanted


def test_later_result_of_the_same_name_counts():
    """As in Chains; its place is that of the first."""
    found = hints.read([named("IMAGE_URL", "r.io/old"), named("IMAGE_DIGEST", DIGEST), named("IMAGE_URL", "r.io/new")])
    assert images(found) == [f"r.io/new@{DIGEST}"]


def test_empty_later_result_does_not_count():
    found = hints.read([named("IMAGE_URL", "r.io/old"), named("IMAGE_DIGEST", DIGEST), named("IMAGE_URL", " ")])
    assert images(found) == [f"r.io/old@{DIGEST}"]


def test_name_of_10_kib_is_a_name():
    marker = "m" * 10_240
    found = hints.read([named(f"{marker}IMAGE_URL", "r.io/team/app"), named(f"{marker}IMAGE_DIGEST", DIGEST)])
    assert images(found) == [APP]


URI_PAIRS = {
    "a pair": ({"ARTIFACT_URI": "pkg:generic/a", "ARTIFACT_DIGEST": DIGEST}, [uri("pkg:generic/a")]),
    "any digest of the four": ({"xARTIFACT_URI": "u", "xARTIFACT_DIGEST": f"sha1:{COMMIT}"}, [uri("u", f"sha1:{COMMIT}")]),
    "the digest as it stood": ({"ARTIFACT_URI": "u", "ARTIFACT_DIGEST": f"SHA256: {HEX}"}, [uri("u", f"SHA256: {HEX}")]),
    "a digest that is none": ({"ARTIFACT_URI": "u", "ARTIFACT_DIGEST": "sha256:abc"}, []),
    "uri alone": ({"ARTIFACT_URI": "u"}, []),
    "digest alone": ({"ARTIFACT_DIGEST": DIGEST}, []),
    "an uri that is a list": ({"ARTIFACT_URI": ["u"], "ARTIFACT_DIGEST": DIGEST}, []),
}


@pytest.mark.parametrize(("results", "wanted"), URI_PAIRS.values(), ids=URI_PAIRS)
def test_uri_pair(results, wanted):
    """An artifact is `<marker>ARTIFACT_URI` with `<marker>ARTIFACT_DIGEST`."""
    assert list(read(**results).uris) == wanted


def test_subject_of_an_output_has_the_digest_as_it_stood():
    """Chains' quirk: the algorithm is neither lowered nor trimmed."""
    assert uri("u", f"SHA256:{HEX}").subject.digest == {"SHA256": HEX}


# --- objects ------------------------------------------------------------------------------------------------------------

OBJECTS = {
    "uri and digest": ({"uri": "u", "digest": DIGEST}, True),
    "more members": ({"uri": "u", "digest": DIGEST, "more": "x"}, True),
    "a digest in capitals": ({"uri": "u", "digest": f"SHA256:{HEX}"}, True),
    "no uri": ({"digest": DIGEST}, False),
    "no digest": ({"uri": "u"}, False),
    "an empty uri": ({"uri": "", "digest": DIGEST}, False),
    "a bad digest": ({"uri": "u", "digest": "latest"}, False),
    "text": ("u", False),
    "a list": (["u", DIGEST], False),
    "an object that is not all text": ({"uri": "u", "digest": DIGEST, "n": 1}, False),
    "empty": ({}, False),
}


@pytest.mark.parametrize("name", ["a-ARTIFACT_OUTPUTS", "a-ARTIFACT_INPUTS"])
@pytest.mark.parametrize(("value", "is_valid"), OBJECTS.values(), ids=OBJECTS)
def test_object_result(value, is_valid, name):
    """An output or input is an object with uri and digest; anything else of that name leaves a finding."""
    found = hints.read([named(name, value)])
    valid = found.outputs if name.endswith("OUTPUTS") else found.inputs

    assert len(valid) == int(is_valid)
    assert len(found.findings) == int(not is_valid)
    assert len(found.outputs) + len(found.inputs) == len(valid)


@pytest.mark.parametrize("flag", ["true", "True", "false", "1", ""])
def test_build_artifact_says_exactly_true(flag):
    """Then it is signed as an image if its uri is one."""
    found = read(ARTIFACT_OUTPUTS={"uri": "r.io/team/app", "digest": DIGEST, "isBuildArtifact": flag})

    assert len(found.outputs) == 1
    assert len(found.build_artifacts) == (flag == "true")
    assert images(found) == ([APP] if flag == "true" else [])


def test_build_artifact_that_is_no_image_is_no_fault():
    found = read(ARTIFACT_OUTPUTS={"uri": "pkg:generic/app", "digest": f"sha1:{COMMIT}", "isBuildArtifact": "true"})
    assert (len(found.build_artifacts), images(found), found.findings) == (1, [], ())


# --- lists of images ----------------------------------------------------------------------------------------------------

LISTS = {
    "one": (APP, [APP]),
    "commas": (f"{APP},r.io/bb@{OTHER}", [APP, f"r.io/bb@{OTHER}"]),
    "line ends": (f"{APP}\nr.io/bb@{OTHER}\n", [APP, f"r.io/bb@{OTHER}"]),
    "both, mixed with spaces": (f" {APP} ,\n\n, r.io/bb@{OTHER}\r\n", [APP, f"r.io/bb@{OTHER}"]),
    "a repeat": (f"{APP},{APP}", [APP]),
    "two names of one image": (f"bash@{DIGEST},docker.io/library/bash@{DIGEST}", [f"index.docker.io/library/bash@{DIGEST}"]),
    "one digest in two repositories": (f"r.io/aa@{DIGEST},r.io/bb@{DIGEST}", [f"r.io/aa@{DIGEST}", f"r.io/bb@{DIGEST}"]),
    "a bad one among good ones": (f"r.io/aa:latest,{APP}", [APP]),
    "semicolons": (f"{APP};{APP}", []),
    "nothing": ("", []),
    "only separators": (",\n,", []),
}


@pytest.mark.parametrize(("text", "wanted"), LISTS.values(), ids=LISTS)
def test_list_of_images(text, wanted):
    """`IMAGES` is cut at commas and line ends."""
    assert images(read(IMAGES=text)) == wanted


def test_list_of_images_is_named_exactly():
    assert images(read(MY_IMAGES=APP)) == []
    assert images(read(images=APP)) == []


def test_list_of_images_that_is_an_array_is_told_and_ignored():
    found = read(IMAGES=[APP])
    assert images(found) == []
    assert "wanted text" in found.findings[0].message


def test_image_found_in_several_ways_is_one_image():
    """Pairs first, then the list, then build artifacts."""
    found = read(
        ARTIFACT_OUTPUTS={"uri": "r.io/cc", "digest": OTHER, "isBuildArtifact": "true"},
        IMAGES=f"r.io/bb@{OTHER},{APP}",
        IMAGE_URL="r.io/team/app:v1",
        IMAGE_DIGEST=DIGEST,
    )
    assert images(found) == [APP, f"r.io/bb@{OTHER}", f"r.io/cc@{OTHER}"]


# --- findings -----------------------------------------------------------------------------------------------------------

FINDINGS = {
    "url alone": ({"x__IMAGE_URL": "r.io/aa"}, "x-IMAGE_URL", "'x-IMAGE_DIGEST'"),
    "digest alone": ({"x__IMAGE_DIGEST": DIGEST}, "x-IMAGE_DIGEST", "'x-IMAGE_URL'"),
    "uri alone": ({"ARTIFACT_URI": "u"}, "ARTIFACT_URI", "'ARTIFACT_DIGEST'"),
    "a digest of an artifact": ({"ARTIFACT_URI": "u", "ARTIFACT_DIGEST": "v1"}, "ARTIFACT_DIGEST", "found 'v1'"),
    "a digest of an image": ({"IMAGE_URL": "r.io/aa", "IMAGE_DIGEST": "v1"}, "IMAGE_URL", "'r.io/aa@v1'"),
    "an entry of the list": ({"IMAGES": "r.io/aa:latest"}, "IMAGES", "'r.io/aa:latest'"),
    "a long entry of the list": ({"IMAGES": "R" * 80}, "IMAGES", "'" + "R" * 80 + "'"),
    "an object": ({"ARTIFACT_OUTPUTS": {"uri": "u"}}, "ARTIFACT_OUTPUTS", "needs both uri and digest"),
}


@pytest.mark.parametrize(("results", "where", "what"), FINDINGS.values(), ids=FINDINGS)
def test_hint_that_cannot_be_used_leaves_a_finding(results, where, what):
    """It names the result and what is wrong with it."""
    (finding,) = read(**results).findings
    assert finding.where == f"status.results['{where}']"
    assert what in finding.message


def test_finding_holds_hostile_text_on_one_line():
    """Escape sequences, line ends and marks that turn text around are shown, not obeyed."""
    (finding,) = hints.read([named("\x1b[2J\nIMAGE_URL", "\u202egnp.exe\x00")]).findings
    assert str(finding).isprintable()


def test_results_without_hints_say_nothing():
    assert hints.read([]) == Hints()
    assert read(version="1.2", image="r.io/aa", URL="x") == Hints()


# Each is near 1.5 MiB, the size of an object in etcd.
HOSTILE = {
    "a list of a million short texts": {"IMAGES": "a," * 750_000},
    "a list of long texts": {"IMAGES": "a" * 80 + "," + ",".join("b" * 78 + str(n) for n in range(18_000))},
    "a list of images": {"IMAGES": ",".join(f"r.io/x{n}@{DIGEST}" for n in range(18_000))},
    "one long text": {"IMAGES": "a" * 1_500_000},
    "a long digest": {"ARTIFACT_URI": "u", "ARTIFACT_DIGEST": ":" * 1_500_000},
    "spaces": {"IMAGE_URL": " " * 1_500_000, "IMAGE_DIGEST": DIGEST},
}


@pytest.mark.parametrize("results", HOSTILE.values(), ids=HOSTILE)
def test_hostile_result_takes_little_time_and_few_findings(results):
    """What a tenant writes cannot fill a log; `test_hints_take_time_linear_in_their_number` says that nobody waits."""
    found = read(**results)

    assert len(found.findings) <= 101


def test_hints_take_time_linear_in_their_number():
    """Pairs, lists of images and objects alike."""

    def make(count):
        pairs = [named(f"{n}IMAGE_URL", "r.io/aa") for n in range(count)]
        return [*pairs, named("IMAGES", "\n".join(f"r.io/a{n}@{DIGEST}" for n in range(count)))]

    assert growth.is_linear(hints.read, make, 2_000)


def test_findings_are_limited_and_say_so():
    found = hints.read([named(f"{n}IMAGE_URL", "r.io/aa") for n in range(10_000)])
    assert len(found.findings) == 101
    assert "the others are not told" in found.findings[-1].message


# --- git ----------------------------------------------------------------------------------------------------------------


def git(*, default=None, param=None, result=None):
    """(url, commit) of a TaskRun with these values, each a dict of the short names url and commit."""
    names = {"url": hints.GIT_URL, "commit": hints.GIT_COMMIT}
    run = task_run(
        taskSpec={"params": [{"name": names[name], "default": value} for name, value in (default or {}).items()]},
        results=[written(names[name], value) for name, value in (result or {}).items()],
    )
    run["spec"]["params"] = [{"name": names[name], "value": value} for name, value in (param or {}).items()]
    found = read_task(run)
    return hints.git(materials._git_params(found), found.status.results)


GIT = {
    "nothing": ({}, ("", "")),
    "defaults": ({"default": {"url": "d", "commit": "1"}}, ("d", "1")),
    "parameters before defaults": ({"default": {"url": "d", "commit": "1"}, "param": {"url": "p"}}, ("p", "1")),
    "results before parameters": ({"param": {"url": "p", "commit": "2"}, "result": {"commit": "3"}}, ("p", "3")),
    "an empty result wins": ({"param": {"url": "p", "commit": "2"}, "result": {"url": ""}}, ("", "2")),
    "a list as a parameter is empty text": ({"default": {"url": "d"}, "param": {"url": ["p"]}}, ("", "")),
    "a list as a default is empty text": ({"default": {"url": ["d"], "commit": "1"}}, ("", "1")),
    "a null default is none": ({"default": {"url": None, "commit": "1"}}, ("", "1")),
    "a number is its text": ({"param": {"commit": 1.10}}, ("", "1.1")),
    "the commit is not judged": ({"result": {"url": "u", "commit": "not a commit"}}, ("u", "not a commit")),
}


@pytest.mark.parametrize(("values", "wanted"), GIT.values(), ids=GIT)
def test_git_source(values, wanted):
    """Each of the two names is looked for alone: defaults, then parameters, then results."""
    assert git(**values) == wanted


SPDX = {
    "https://g/x": "git+https://g/x.git",
    "https://g/x.git": "git+https://g/x.git",
    "git+https://g/x": "git+https://g/x.git",
    "git+git+https://g/x.git.git": "git+git+https://g/x.git.git",
    "git@g:x": "git+git@g:x.git",
    "https://g/x?ref=a#b": "git+https://g/x?ref=a#b.git",
    "": "git+.git",
    ".git": "git+.git",
}


@pytest.mark.parametrize("url", SPDX)
def test_git_url_becomes_spdx_and_stays_so(url):
    assert hints.spdx(url) == SPDX[url]
    assert hints.spdx(hints.spdx(url)) == SPDX[url]


# --- byproducts ---------------------------------------------------------------------------------------------------------

BYPRODUCTS = {
    "a plain result": ("version", "1", True),
    "IMAGES": ("IMAGES", APP, False),
    "IMAGES of another name": ("MY_IMAGES", APP, True),
    "IMAGE_URL": ("x-IMAGE_URL", "r.io/aa", False),
    "IMAGE_DIGEST": ("x-IMAGE_DIGEST", "nonsense", False),
    "ARTIFACT_URI": ("x-ARTIFACT_URI", "u", True),
    "ARTIFACT_DIGEST": ("x-ARTIFACT_DIGEST", DIGEST, True),
    "an input": ("x-ARTIFACT_INPUTS", {"uri": "u", "digest": DIGEST}, True),
    "an output": ("x-ARTIFACT_OUTPUTS", {"uri": "u", "digest": DIGEST}, True),
    "an output that is not valid": ("x-ARTIFACT_OUTPUTS", {"uri": "u"}, True),
    "a build artifact": ("x-ARTIFACT_OUTPUTS", {"uri": "u", "digest": DIGEST, "isBuildArtifact": "true"}, False),
    "a build artifact that is not valid": ("x-ARTIFACT_OUTPUTS", {"uri": "u", "isBuildArtifact": "true"}, False),
    "an output that is text": ("x-ARTIFACT_OUTPUTS", "u", False),
}


@pytest.mark.parametrize(("name", "value", "wanted"), BYPRODUCTS.values(), ids=BYPRODUCTS)
def test_byproduct_is_what_names_nothing_that_is_signed(name, value, wanted):
    assert hints.is_byproduct(named(name, value)) is wanted


def test_hints_of_steps_are_kept_apart():
    """One for each step, in order; findings say which step."""
    run = read_task(
        task_run(
            steps=[step("a"), step("b", results=[written("IMAGE_URL", "r.io/aa")]), step("c", results=[written("IMAGES", APP)])]
        )
    )
    found = run.step_hints

    assert [images(each) for each in found] == [[], [], [APP]]
    assert found[1].findings[0].where == "status.steps[1].results['IMAGE_URL']"


# --- anything -----------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["IMAGES", "IMAGE_URL", "xIMAGE_URL", "IMAGE_DIGEST", "xIMAGE_DIGEST", "ARTIFACT_URI", "ARTIFACT_DIGEST"]) | st.sampled_from(
    ["ARTIFACT_OUTPUTS", "ARTIFACT_INPUTS", hints.GIT_URL, hints.GIT_COMMIT, "other"]
)  # fmt: skip
TEXTS = st.sampled_from(["", " ", APP, "r.io/aa", DIGEST, OTHER, f"SHA256:{HEX}", f"sha1:{COMMIT}", "u"]) | st.text(max_size=20)
VALUES = (
    TEXTS
    | st.lists(TEXTS, max_size=2)
    | st.integers()
    | st.none()
    | st.dictionaries(st.sampled_from(["uri", "digest", "isBuildArtifact"]), TEXTS)
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8))
def test_every_hint_read_is_well_formed(results):
    """Whatever results say: images have SHA-256 digests, artifacts one of the four, and nothing is raised."""
    found = hints.read([named(name, value) for name, value in results])

    assert len({image.reference for image in found.images}) == len(found.images)
    for entry in (*found.uris, *found.outputs, *found.inputs):
        assert hints.digest(":".join(entry.raw)) == (entry.algorithm, entry.hex)
    assert set(found.build_artifacts) <= set(found.outputs)
    assert all(str(finding).isprintable() for finding in found.findings)
