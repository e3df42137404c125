"""Definitions as the bytes that Tekton hashes (trusted-resources 1)."""

import contextlib

import pytest
from fakes.definitions import Author
from fakes.resources import RECORDED
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwright.core.errors import Permanent, Reason
from sealwright.core.tekton import resources


def canonical(text, form="controller"):
    data = text if isinstance(text, bytes) else text.encode()
    return resources.read(data, "file.yaml", form).canonical.decode()


def task(spec="{}", version="v1", metadata="{name: t}"):
    return f"apiVersion: tekton.dev/{version}\nkind: Task\nmetadata: {metadata}\nspec: {spec}\n"


def refusal(text, form="controller"):
    with pytest.raises(Permanent) as caught:
        canonical(text, form)
    return caught.value


@pytest.mark.parametrize("form", ["controller", "tkn"])
def test_bytes_are_those_of_tektons_own_types(form):
    """300 generated definitions, which between them use nearly every member that Tekton has; what it refuses is refused."""
    for case in RECORDED:
        if case[form] is None:
            assert refusal(case["document"], form).reason in (Reason.INVALID_RESOURCE, Reason.REPEATED_KEY)
        else:
            assert canonical(case["document"], form) == case[form], case["id"]
    assert sum(case[form] is not None for case in RECORDED) > 200


def test_recorded_definitions_are_those_that_are_generated():
    assert [case["document"] for case in RECORDED] == [Author(number).document() for number in range(300)]


SPECS = {
    "a step always has its resources": ("{steps: [{}]}", '"steps":[{"name":"","computeResources":{}}]'),
    "empty members vanish, an empty template does not": ("{steps: [], stepTemplate: {}, description: ''}", '"stepTemplate":{"computeResources":{}}'),
    "text is escaped for HTML": (r'{description: "<a&b>\u2028"}', r'"description":"\u003ca\u0026b\u003e\u2028"'),
    "other text is not": (r'{description: "/\x7fé\U0001f600"}', '"description":"/\x7fé\U0001f600"'),
    "controls": (r'{description: "\b\f\n\r\t\x01"}', r'"description":"\b\f\n\r\t\u0001"'),
    "a parameter without default": ("{params: [{name: p}]}", '"params":[{"name":"p","type":"string"}]'),
    "a default that is null": ("{params: [{name: p, default: ~}]}", '"params":[{"name":"p","type":"string"}]'),
    "a number": ("{params: [{name: p, default: 1.50}]}", '"params":[{"name":"p","type":"string","default":"1.5"}]'),
    "a list": ("{params: [{name: p, default: [a]}]}", '"params":[{"name":"p","type":"array","default":["a"]}]'),
    "a mixed list": ("{params: [{name: p, default: [a, 1]}]}", r'"params":[{"name":"p","type":"string","default":"[\"a\",1]"}]'),
    "a map with markup": ("{params: [{name: p, default: {k: <v>, m: 1}}]}",
        r'"params":[{"name":"p","type":"string","default":"{\"k\":\"\\u003cv\\u003e\",\"m\":1}"}]'),
    "properties make an object": ("{params: [{name: p, properties: {a: {}}}]}",
        '"params":[{"name":"p","type":"object","properties":{"a":{"type":"string"}}}]'),
    "properties beside a type": ("{params: [{name: p, type: string, properties: {a: {type: array}, b: ~}}]}",
        '"params":[{"name":"p","type":"string","properties":{"a":{"type":"array"},"b":{"type":"string"}}}]'),
    "a default decides where properties do not": ("{params: [{name: p, default: {a: b}}]}", '"params":[{"name":"p","type":"object","default":{"a":"b"}}]'),
    "results": ("{results: [{name: r}, {name: s, properties: {}}]}", '"results":[{"name":"r","type":"string"},{"name":"s","type":"object"}]'),
    "results of steps have no defaults": ("{steps: [{results: [{name: r}]}]}", '"steps":[{"name":"","computeResources":{},"results":[{"name":"r"}]}]'),
    "durations and quantities": ("{steps: [{timeout: 90m, computeResources: {limits: {cpu: 1000m, memory: 1024Mi}}}]}",
        '"steps":[{"name":"","computeResources":{"limits":{"cpu":"1","memory":"1Gi"}},"timeout":"1h30m0s"}]'),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "wanted"), SPECS.values(), ids=SPECS)
def test_spec_is_written_as_go_writes_it(spec, wanted):
    assert canonical(task(spec)) == '{"kind":"Task","apiVersion":"tekton.dev/v1","metadata":{"name":"t"},"spec":{%s}}' % wanted  # noqa: UP031


METADATA = {
    "what the server fills in is left out": "{name: t, uid: a, resourceVersion: '1', generation: 2, finalizers: [a/b], ownerReferences: [],"
    " creationTimestamp: '2026-01-31T12:00:00Z', managedFields: [], selfLink: /a}",
    "what kubectl writes is left out": "{name: t, annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}', kubectl-client-side-apply: a}}",
    "the signature is left out": "{name: t, annotations: {tekton.dev/signature: MEQ=}}",
    "empty maps are left out": "{name: t, labels: {}, annotations: ~}",
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_controller_signs_the_same_definition(metadata):
    assert canonical(task(metadata=metadata)) == canonical(task())


def test_controller_signs_what_says_where_a_definition_belongs():
    metadata = "{labels: {b: '1', a: '2'}, generateName: g, namespace: ns, name: t, annotations: {x: z}}"

    assert (
        '"metadata":{"name":"t","generateName":"g","namespace":"ns","labels":{"a":"2","b":"1"},"annotations":{"x":"z"}}'
        in canonical(task(metadata=metadata))
    )


def test_tkn_signs_all_metadata_but_the_signature():
    text = task(metadata="{name: t, uid: u, annotations: {kubectl-client-side-apply: a, tekton.dev/signature: MEQ=}}")

    assert '"metadata":{"name":"t","uid":"u","annotations":{"kubectl-client-side-apply":"a"}}' in canonical(text, "tkn")


def test_tkn_adds_no_defaults_and_sees_v1beta1_whatever_the_file_says():
    """So the resources of a v1 step are lost; the controller could never agree."""
    text = task("{params: [{name: p}], steps: [{computeResources: {limits: {cpu: 1}}}]}")

    assert '"apiVersion":"tekton.dev/v1"' in canonical(text, "tkn")
    assert canonical(text, "tkn").endswith('"spec":{"params":[{"name":"p"}],"steps":[{"name":"","resources":{}}]}}')


LENIENT = {
    "unknown members are dropped": ("{other: {a: b}, description: d}", '"description":"d"'),
    "names are matched without case": ("{DESCRIPTION: d, Steps: [{IMAGE: i}]}", '"description":"d","steps":[{"name":"","image":"i","resources":{}}]'),
    "the last of repeated keys counts": ("{description: a, description: b}", '"description":"b"'),
    "numbers become text": ("{description: 12}", '"description":"12"'),
    "booleans become text": ("{description: yes}", '"description":"true"'),
    "fractions become text by way of 32 bits": ("{description: -8213020600681.904}", '"description":"-8.213021e+12"'),
    "small ones": ("{description: 0.00001}", '"description":"1e-05"'),
    "plain ones": ("{description: 123.5}", '"description":"123.5"'),
    "large ones": ("{description: 1e300}", '"description":"+Inf"'),
    "numbers in lists": ("{steps: [{args: [1, 2.5]}]}", '"steps":[{"name":"","args":["1","2.5"],"resources":{}}]'),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "wanted"), LENIENT.values(), ids=LENIENT)
def test_tkn_reads_what_the_controller_refuses(spec, wanted):
    assert canonical(task(spec, "v1beta1"), "tkn").endswith('"spec":{%s}}' % wanted)  # noqa: UP031
    assert refusal(task(spec, "v1beta1")).reason in (Reason.INVALID_RESOURCE, Reason.REPEATED_KEY)


def test_tkn_sees_no_text_in_an_embedded_struct():
    assert refusal(task("{volumes: [{secret: {secretName: 1}}]}", "v1beta1"), "tkn").reason is Reason.INVALID_RESOURCE


def test_two_names_that_are_one_to_tkn_are_refused():
    """It would mix their members; nobody means that."""
    assert "are one to Tekton" in refusal(task("{description: a, Description: b}", "v1beta1"), "tkn").message


def test_pipeline_tasks_get_a_kind_unless_a_resolver_finds_them():
    text = (
        "apiVersion: tekton.dev/v1beta1\nkind: Pipeline\nmetadata: {}\n"
        "spec: {tasks: [{taskRef: {name: a}}, {taskRef: {resolver: hub}}, {taskRef: {}}, {taskSpec: {params: [{name: p}]}}],"
        " finally: [{taskRef: {name: b, kind: Own}}, {taskRef: {name: c}}], results: [{name: r, value: v}]}\n"
    )

    assert canonical(text) == (
        '{"kind":"Pipeline","apiVersion":"tekton.dev/v1beta1","metadata":{},"spec":{"tasks":[{"taskRef":{"name":"a","kind":"Task"}},'
        '{"taskRef":{"resolver":"hub"}},{"taskRef":{"kind":"Task"}},{"taskSpec":{"spec":null,"metadata":{},"params":[{"name":"p","type":"string"}]}}],'
        '"results":[{"name":"r","description":"","value":"v"}],"finally":[{"taskRef":{"name":"b","kind":"Own"}},{"taskRef":{"name":"c","kind":"Task"}}]}}'
    )


def test_step_action_is_signed_as_the_controller_would():
    text = "apiVersion: tekton.dev/v1beta1\nkind: StepAction\nmetadata: {name: s}\nspec: {image: i, params: [{name: p}], results: [{name: r}]}\n"

    assert canonical(text) == (
        '{"kind":"StepAction","apiVersion":"tekton.dev/v1beta1","metadata":{"name":"s"},"spec":{"image":"i",'
        '"params":[{"name":"p","type":"string"}],"results":[{"name":"r","type":"string"}]}}'
    )
    assert refusal(text, "tkn").reason is Reason.INVALID_RESOURCE


def test_legacy_forms_write_an_empty_creation_timestamp():
    """Where the struct has it, and in v1beta1 also the empty name of a step template (trusted-resources 1.11)."""
    text = task("{stepTemplate: {}}", "v1beta1", "{name: t, labels: {a: b}}")
    spec = '"spec":{"stepTemplate":{"name":"","resources":{}}}}'

    for form in ("legacy-controller", "legacy-tkn"):
        assert canonical(text, form) == (
            '{"kind":"Task","apiVersion":"tekton.dev/v1beta1","metadata":{"name":"t","creationTimestamp":null,"labels":{"a":"b"}},'
            + spec
        )
    dated = task("{}", "v1beta1", "{name: t, creationTimestamp: '2026-01-31T12:00:00Z'}")
    assert '"creationTimestamp":null' in canonical(dated, "legacy-controller")
    assert '"creationTimestamp":"2026-01-31T12:00:00Z"' in canonical(dated, "legacy-tkn")


SAME = {
    "as JSON": '{"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "t"}, "spec": {"description": "d"}}',
    "after a separator": "---\n" + task("{description: d}"),
    "with a byte order mark": "\ufeff" + task("{description: d}"),
    "with CRLF": task("{description: d}").replace("\n", "\r\n"),
    "with an empty document after it": task("{description: d}") + "---\n# nothing\n",
    "with an anchor": task("{description: &a d, displayName: ''}"),
    "with a merge": task("{<<: {description: d}}"),
    "with a tag": task("{description: !!str d}"),
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_text_does_not_matter(text):
    assert canonical(text) == canonical(task("{description: d}"))


def test_a_parameter_in_a_json_file_keeps_the_text_of_its_json():
    """The controller reads JSON as it stands; from YAML it makes JSON of its own."""
    text = '{"kind":"Task","apiVersion":"tekton.dev/v1","metadata":{},"spec":{"params":[{"name":"p","default":[1.0,  2]}]}}'

    assert r'"default":"[1.0,  2]"' in canonical(text)
    assert r'"default":"[1,2]"' in canonical(text, "tkn")


REFUSED = {
    "an unknown member": (task("{other: 1}"), Reason.INVALID_RESOURCE),
    "a member in other case": (task("{Description: d}"), Reason.INVALID_RESOURCE),
    "a status": (task() + "status: {}\n", Reason.INVALID_RESOURCE),
    "a number for text": (task("{description: 1}"), Reason.INVALID_RESOURCE),
    "text for a number": (task("{steps: [{securityContext: {runAsUser: '1'}}]}"), Reason.INVALID_RESOURCE),
    "too large a number": (task("{volumes: [{secret: {defaultMode: 2147483648}}]}"), Reason.INVALID_RESOURCE),
    "no quantity": (task("{steps: [{computeResources: {limits: {cpu: x}}}]}"), Reason.INVALID_RESOURCE),
    "no duration": (task("{steps: [{timeout: 90}]}"), Reason.INVALID_RESOURCE),
    "a parameter without value": (task("{steps: [{params: [{name: a}]}]}"), Reason.INVALID_RESOURCE),
    "a repeated key": (task("{description: a, description: a}"), Reason.REPEATED_KEY),
    "a key repeated by a merge": (task("{description: a, <<: {description: a}}"), Reason.REPEATED_KEY),
    "a repeated key in JSON": ('{"kind":"Task","kind":"Task","apiVersion":"tekton.dev/v1"}', Reason.REPEATED_KEY),
    "another kind": (task().replace("Task", "TaskRun"), Reason.INVALID_RESOURCE),
    "a lower-case kind": (task().replace("Task", "task"), Reason.INVALID_RESOURCE),
    "another version": (task(version="v1alpha1"), Reason.INVALID_RESOURCE),
    "a v1 StepAction, which Tekton has not": (task().replace("Task", "StepAction"), Reason.INVALID_RESOURCE),
    "two documents": (task() + "---\n" + task(), Reason.INVALID_RESOURCE),
    "an empty document first": ("---\n---\n" + task(), Reason.INVALID_RESOURCE),
    "a list": ("[]", Reason.INVALID_RESOURCE),
    "nothing": ("", Reason.INVALID_RESOURCE),
    "text": ("hello", Reason.INVALID_RESOURCE),
    "YAML of another version": ("%YAML 1.2\n---\n" + task(), Reason.INVALID_INPUT),
    "a tag before a comma": (task("{params: [{name: p, default: [!!str, 1]}]}"), Reason.INVALID_INPUT),
    "an unknown tag": (task("{description: !own d}"), Reason.INVALID_INPUT),
    "not UTF-8": (b"\xff", Reason.INVALID_INPUT),
    "too much": (task() + "# " + "x" * (3 << 20), Reason.TOO_LARGE),
    "too deep": (task("{params: [{name: p, default: %s}]}" % ("[" * 300 + "]" * 300)), Reason.TOO_LARGE),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_tekton_would_not_run_is_refused(text, reason):
    assert refusal(text).reason is reason


def test_pipelines_in_pipelines_have_an_end():
    nested = '"spec":{' + '"tasks":[{"pipelineSpec":{' * 60 + "}}]" * 60 + "}"
    text = '{"kind":"Pipeline","apiVersion":"tekton.dev/v1","metadata":{},' + nested + "}"

    assert canonical(text).count("pipelineSpec") == 60
    assert refusal(text.replace("{", "{" * 1)[:-1] + "," * 1 + "}").reason is Reason.INVALID_INPUT


@settings(deadline=None)
@given(
    st.binary(max_size=60) | st.text("abkindTsv1:{}[]&*!<|>#,'\"\n ~-", max_size=80).map(str.encode),
    st.sampled_from(resources.FORMS),
)
def test_any_bytes_are_read_or_refused(data, form):
    with contextlib.suppress(Permanent):
        resources.read(data, "file", form)


@settings(deadline=None)  # the first of a kind makes its reader
@given(st.integers(0, 100_000), st.sampled_from(resources.FORMS))
def test_wild_definitions_are_read_or_refused(number, form):
    with contextlib.suppress(Permanent):
        resources.read(Author(number, wild=True).document().encode(), "file", form)


# --- writing ------------------------------------------------------------------------------------------------------------


def test_a_signed_file_differs_in_the_annotation_alone():
    text = "# mine\napiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n    name: t   # here\nspec: {}\n"

    assert resources.signed(text.encode(), "f", "controller", "MEQ=").decode() == (
        '# mine\napiVersion: tekton.dev/v1\nkind: Task\nmetadata:\n    annotations:\n      tekton.dev/signature: "MEQ="\n'
        "    name: t   # here\nspec: {}\n"
    )


PLACES = {
    "in block style": "metadata:\n  name: t\n  annotations:\n    a: b\n",
    "in flow style": "metadata: {name: t, annotations: {a: b}}\n",
    "in an empty map": "metadata: {name: t, annotations: {}}\n",
    "in place of null": "metadata:\n  name: t\n  annotations: ~\n",
    "in place of nothing": "metadata:\n  annotations:\n  name: t\n",
    "where there are no annotations": "metadata: {name: t}\n",
    "where there is no metadata": "",
    "where metadata is null": "metadata:\n",
    "over an old one": "metadata: {annotations: {tekton.dev/signature: MEUCIQ, a: b}}\n",
    "over an old one in a block": "metadata:\n  annotations:\n    tekton.dev/signature: |\n      MEUC\n      IQ\n    a: b\n",
    "over an empty one": "metadata:\n  annotations:\n    tekton.dev/signature:\n    a: b\n",
    "with tabs and comments": "metadata:  # what\n  # who\n  name: t\t# t\n",
    "beside an anchor": "metadata: &m\n  name: &n t\n  labels: {a: *n}\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("metadata", PLACES.values(), ids=PLACES)
def test_a_signature_finds_its_place(metadata, end):
    text = f"apiVersion: tekton.dev/v1\nkind: Task\n{metadata}spec: {{}}\n".replace("\n", end).encode()
    written = resources.signed(text, "f", "controller", "MEQ=")

    assert resources.read(written, "f").signature == "MEQ="
    assert resources.read(written, "f").canonical == resources.read(text, "f").canonical
    assert resources.signed(written, "f", "controller", "MEQ=") == written


def test_a_signature_goes_into_json():
    text = b'{"apiVersion":"tekton.dev/v1","kind":"Task","metadata":{"name":"t"},"spec":{}}'

    assert resources.signed(text, "f", "controller", "MEQ=") == (
        b'{"apiVersion":"tekton.dev/v1","kind":"Task","metadata":{"annotations": {"tekton.dev/signature": "MEQ="}, "name":"t"},"spec":{}}'
    )


def test_json_may_hold_what_yaml_may_not():
    """Tabs between tokens, DEL, NEL, line separators, escaped surrogate pairs."""
    text = '{\t"kind":"Task",\t"apiVersion":"tekton.dev/v1","metadata":{"name":"\x7f\u0085\u2028\\\\ud83d\\ud83d\\ude00"},"spec":{"params":[{"name":"p"}]}}'
    written = resources.signed(resources.completed(text.encode(), "f"), "f", "controller", "MEQ=")

    assert canonical(written) == canonical(text)
    assert resources.read(written, "f").signature == "MEQ="


@pytest.mark.parametrize("form", ["controller", "tkn"])
def test_a_recorded_definition_can_be_signed(form):
    """With its defaults written out; afterwards nothing is missing."""
    for case in RECORDED[::10]:
        if case["controller"] is None or case[form] is None:
            continue
        whole = resources.completed(case["document"].encode(), "f")
        written = resources.signed(whole, "f", form, "MEQ=")
        assert resources.completed(written, "f") == written
        assert canonical(written) == case["controller"]
        assert resources.read(written, "f", form).signature == "MEQ="


def test_defaults_are_written_where_they_belong():
    text = task("\n  params:\n  - name: p  # why\n  - default: {a: b}\n    name: o\n  results: [{name: r, properties: {x: ~}}]")

    assert resources.completed(text.encode(), "f").decode() == task(
        "\n  params:\n  - type: string\n    name: p  # why\n  - type: object\n    default: {a: b}\n    name: o\n"
        '  results: [{"type": "object", name: r, properties: {x: {"type": "string"}}}]'
    )


ALIASED = {
    "defaults behind an alias of a property": "{params: [{name: a, properties: &p {x: ~}}], results: [{name: r, properties: *p}]}",
    "defaults behind a merge": "{params: [&p {name: a, properties: {x: {}}}, {<<: *p, type: object}]}",
    "annotations that are the labels": None,
}


@pytest.mark.parametrize("spec", ALIASED.values(), ids=ALIASED)
def test_what_would_change_something_else_is_not_written(spec):
    """Or is written where both mean the same; never is the definition another one afterwards."""
    text = task(spec) if spec else task(metadata="{name: t, labels: &a {b: c}, annotations: *a}")
    try:
        written = resources.signed(resources.completed(text.encode(), "f"), "f", "controller", "MEQ=")
    except Permanent as fault:
        written, reason = text.encode(), fault.reason
    else:
        reason = Reason.INVALID_RESOURCE

    assert reason is Reason.INVALID_RESOURCE
    assert canonical(written) == canonical(text)
