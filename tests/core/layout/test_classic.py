"""Layouts and links of in-toto: the same verdict as in-toto-python in every case, and where it is stricter, why."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import intoto
from fakes.intoto import Product
from in_toto.models.metadata import Metadata
from in_toto.verifylib import in_toto_verify

from sealwright.core.errors import Permanent, Reason
from sealwright.core.layout import classic, signatures
from sealwright.core.layout.classic import Checked, Question
from sealwright.core.layout.rules import Artifacts
from sealwright.core.policy.verdict import State

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PRODUCTS = dict(intoto.products())


def ours(found: Product, **members) -> Checked:
    question = Question(
        layout=json.dumps(found.signed_layout()).encode(),
        keys=[signatures.load(intoto.pem(each)) for each in found.given],
        files={name: json.dumps(each).encode() for name, each in found.files().items()},
        now=NOW,
        parameters=found.parameters,
    )
    return classic.verify(Question(**{name: getattr(question, name) for name in question.__slots__} | members))


def theirs(found: Product, folder: Path) -> bool:
    """Whatever in-toto-python raises is a no."""
    for name, each in found.files().items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(each))
    try:
        layout = Metadata.from_dict(found.signed_layout())
        keys = {each.public_key.keyid: intoto.key_dict(each) for each in found.given}
        in_toto_verify(layout, keys, str(folder), found.parameters, persist_inspection_links=False)
    except Exception:  # noqa: BLE001
        return False
    return True


def test_there_are_two_hundred_cases_of_both_kinds() -> None:
    passing = [words for words, found in PRODUCTS.items() if ours(found).verdict.is_pass]

    assert len(PRODUCTS) >= 200
    assert 50 <= len(passing) <= len(PRODUCTS) - 100


@pytest.mark.parametrize("words", PRODUCTS)
def test_a_product_is_judged_as_in_toto_judges_it(words: str, tmp_path: Path) -> None:
    found = PRODUCTS[words]

    assert theirs(found, tmp_path) == ours(found).verdict.is_pass


# --- what a no says -----------------------------------------------------------------------------------------------------


def only_breach(found: Checked):
    [breach] = found.verdict.breaches
    return breach.step, breach.rule, breach.reason


@pytest.mark.parametrize(
    ("words", "breach"),
    [
        ("a link is missing", ("compile", "links", Reason.STEP_MISSING)),
        ("a link is signed by a stranger", ("compile", "functionaries", Reason.WRONG_FUNCTIONARY)),
        ("one more was produced", ("compile", "products: DISALLOW *", Reason.RULE_BROKEN)),
        ("a file was not made that is required", ("pack", "products: REQUIRE app.tar", Reason.RULE_BROKEN)),
        ("two are asked for and disagree", ("compile", "threshold", Reason.RULE_BROKEN)),
        ("it expired", ("", "the layout: expires", Reason.LAYOUT_EXPIRED)),
        ("the layout is signed by a stranger", ("", "the layout: signatures", Reason.BAD_SIGNATURE)),
        ("a layout inside breaks a rule of its own", ("read", "materials: DISALLOW *", Reason.RULE_BROKEN)),
    ],
)
def test_a_no_names_step_and_rule(words: str, breach) -> None:
    assert breach == only_breach(ours(PRODUCTS[f"{words} (envelope, ed25519)"]))


def test_a_broken_rule_says_what_it_met() -> None:
    [breach] = ours(PRODUCTS["one more was produced (block, ed25519)"]).verdict.breaches

    assert breach.found == "'out/more'"


def test_the_whole_chain_is_summed_up() -> None:
    summary = ours(Product()).summary

    assert summary is not None
    assert summary.products == {"app": intoto.C, "app.tar": intoto.A}
    assert summary.materials == {}


@pytest.mark.parametrize(
    ("words", "caution"),
    [
        ("a link calls itself by another step's name", "calls its step 'fetch'"),
        ("a command failed", "its command ended with '1'"),
        ("another command ran", "planned was"),
        ("none is asked for and one has signed", "the threshold 0"),
        ("a step has no rules", "has no artifact rules"),
        ("there are no steps", "has no steps"),
    ],
)
def test_what_in_toto_lets_pass_is_told(words: str, caution: str) -> None:
    found = ours(PRODUCTS[f"{words} (envelope, ed25519)"])

    assert found.verdict.is_pass
    assert any(caution in each for each in found.cautions)


def test_a_good_product_gives_no_pause() -> None:
    assert ours(Product()).cautions == ()


# --- stricter -----------------------------------------------------------------------------------------------------------


def test_a_layout_without_an_end_is_refused() -> None:
    found = Product()
    del found.layout["expires"]

    assert ours(found).verdict.state is State.FAIL


def test_one_key_under_two_ids_is_refused() -> None:
    found = Product()
    found.layout["keys"]["abcdef"] = intoto.key_dict(found.alice)

    assert ours(found).verdict.state is State.FAIL


@pytest.mark.parametrize("text", ["{dir.__class__}", "{dir[0]}", "{dir!r}", "{dir:>9}", "{}", "{0}", "{dir"])
def test_a_parameter_is_a_name_and_nothing_else(text: str) -> None:
    found = Product(parameters={"dir": "src"})
    found.the_step("fetch")["expected_products"] = [["ALLOW", text], ["ALLOW", "*"]]

    assert ours(found).verdict.state is State.FAIL


def test_layouts_inside_layouts_end_somewhere() -> None:
    found = Product()
    inner = found
    for _ in range(10):
        inner = intoto.inside(inner)
        inner.layout["steps"].append(inner.step("compile"))
        inner.links["compile", "alice"] = intoto.link("compile", {}, {})

    assert only_breach(ours(found)) == ("", "sublayouts", Reason.INVALID_LAYOUT)


def test_an_openpgp_key_is_refused_by_name() -> None:
    found = Product()
    key_id = "ab" * 20
    found.layout["keys"][key_id] = {"type": "rsa", "method": "pgp+rsa-pkcsv1.5", "hashes": ["pgp+SHA2"], "keyid": key_id}

    verdict = ours(found).verdict

    assert verdict.state is State.FAIL
    assert "OpenPGP" in verdict.reasons[0]


def test_without_a_key_nothing_is_verified() -> None:
    with pytest.raises(Permanent) as caught:
        ours(Product(), keys=())

    assert caught.value.reason is Reason.KEY_MISSING


@pytest.mark.parametrize(
    "layout", [b"", b"{}", b"[]", b'{"signed": {}}', b'{"payload": "", "payloadType": "x"}', b"\xff", b"{" * 300]
)
def test_no_layout_is_too_odd_to_be_refused(layout: bytes) -> None:
    assert ours(Product(), layout=layout).verdict.state is State.FAIL


# --- inspections --------------------------------------------------------------------------------------------------------


def inspected() -> Product:
    found = Product()
    rules = [["MATCH", "app.tar", "WITH", "PRODUCTS", "FROM", "pack"], ["DISALLOW", "*"]]
    found.layout["inspect"] = [
        {
            "_type": "inspection",
            "name": "untar",
            "run": ["tar", "xf", "app.tar"],
            "expected_materials": rules,
            "expected_products": [],
        }
    ]
    return found


def test_a_command_of_the_layout_is_not_run_and_that_is_said() -> None:
    verdict = ours(inspected()).verdict

    assert verdict.state is State.UNKNOWN
    assert "'tar xf app.tar'" in str(verdict.breaches[0])


@pytest.mark.parametrize(("left", "state"), [({"app.tar": intoto.A}, State.PASS), ({"app.tar": intoto.B}, State.FAIL)])
def test_what_an_inspection_left_is_judged_like_a_step(left, state: State) -> None:
    inspection = {"untar": Artifacts(materials=left, products={})}

    assert ours(inspected(), inspected=inspection).verdict.state is state


# --- keys ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519", "rsa-2048"])
def test_a_key_has_the_id_that_in_toto_gives_it(algorithm: str) -> None:
    """And comes back from a layout as it went in."""
    by = intoto.signer(algorithm, 5)
    key = signatures.load(intoto.pem(by))

    assert key.key_id == by.public_key.keyid
    assert signatures.described(key) == intoto.key_dict(by)
    assert signatures.read(signatures.described(key)).key_id == key.key_id


@pytest.mark.parametrize(
    "change",
    [
        {"scheme": "ecdsa-sha2-nistp384"},
        {"keytype": "rsa"},
        {"keyval": {}},
        {"keyval": {"public": "x"}},
        {"keyid": 1},
        {"scheme": "none"},
    ],
)
def test_a_key_whose_parts_do_not_fit_is_refused(change) -> None:
    with pytest.raises(Permanent) as caught:
        signatures.read(intoto.key_dict(intoto.signer("ecdsa-p256", 5)) | change)

    assert caught.value.reason in (Reason.KEY_UNUSABLE, Reason.INVALID_INPUT)
