"""A ConfigMap's data -> `Config`, or one error that names every bad key. The words of this build are arguments."""

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from sealwright.core.config.advice import advise
from sealwright.core.config.reading import Read, did_you_mean, read
from sealwright.core.config.settings import NAMES, SETTINGS, Setting, allowed_words
from sealwright.core.config.values import ArtifactConfig, Config, Parsed, Secret, Settings, Timestamps, Transparency, Value
from sealwright.core.errors import Permanent, Reason, quote
from sealwright.core.model import Finding, value

# Chains ships its ConfigMap with this key, which holds the documentation.
_EXAMPLE = "_example"
# Unknown keys that are told one by one; matching each with the known ones takes a millisecond.
_SHOWN_UNKNOWN = 20
_ENTRIES: Mapping[str, Literal["auto", "dsse", "hashedrekord", "intoto"]] = {
    "auto": "auto",
    "dsse": "dsse",
    "hashedrekord": "hashedrekord",
    "intoto": "intoto",
}
_PLAIN_KEY = re.compile(r"[-._A-Za-z0-9]{1,253}")


@value
class Entry:
    """One setting as it stands. `value` is None where what was given is wrong."""

    setting: Setting
    value: Value | None
    is_given: bool
    is_default: bool


@value
class Examined:
    """All that can be said of a ConfigMap. `config` is None exactly where there are errors."""

    entries: tuple[Entry, ...]
    config: Config | None
    warnings: tuple[Finding, ...]
    errors: tuple[Finding, ...]


def parse(data: Mapping[str, str], *, formats: Sequence[str], stores: Sequence[str], signers: Sequence[str]) -> Parsed:
    """The configuration that `data` asks for; the words are those of the plug-in files of this build.

    Raises Permanent(INVALID_CONFIG) with one line for each key that cannot be used.
    """
    examined = examine(data, formats=formats, stores=stores, signers=signers)
    if examined.config is None:
        raise Permanent(Reason.INVALID_CONFIG, "\n".join(map(str, examined.errors)))
    return Parsed(config=examined.config, warnings=examined.warnings)


def examine(data: Mapping[str, str], *, formats: Sequence[str], stores: Sequence[str], signers: Sequence[str]) -> Examined:
    """Like `parse`, but says everything at once and raises nothing."""
    reads: dict[str, Read] = {}
    defaults: dict[str, Value | None] = {}
    for setting in SETTINGS:
        words = allowed_words(setting, formats=formats, stores=stores, signers=signers)
        defaults[setting.name] = _default(setting)
        given = data.get(setting.name)
        reads[setting.name] = Read(value=defaults[setting.name]) if given is None else read(setting, given, words)

    errors = tuple(Finding(where=name, message=found.fault) for name, found in reads.items() if found.fault)
    config = None if errors else _config({name: found.value for name, found in reads.items()})
    changed = frozenset(name for name, found in reads.items() if found.value != defaults[name])
    warnings = [Finding(where=name, message=told) for name, found in reads.items() for told in found.warnings]
    return Examined(
        entries=tuple(
            Entry(
                setting=setting,
                value=reads[setting.name].value,
                is_given=setting.name in data,
                is_default=setting.name not in changed,
            )
            for setting in SETTINGS
        ),
        config=config,
        warnings=(*_unknown(data), *warnings, *(advise(config, changed) if config else ())),
        errors=errors,
    )


def _default(setting: Setting) -> Value | None:
    """A default is trusted: where its plug-in is missing, that is told when it is opened."""
    if setting.kind == "word":
        return setting.default
    return read(setting, setting.default, setting.words).value


def _unknown(data: Mapping[str, str]) -> Iterator[Finding]:
    """Keys that nothing reads. Their values are not shown: one may be a secret under a misspelt name."""
    unknown = sorted(key for key in data if key not in NAMES and key != _EXAMPLE)
    for key in unknown[:_SHOWN_UNKNOWN]:
        where = key if _PLAIN_KEY.fullmatch(key) else quote(key)
        yield Finding(where=where, message=f"no setting has this name, so it does nothing{did_you_mean(key, NAMES)}")
    if len(unknown) > _SHOWN_UNKNOWN:
        told = f"{len(unknown) - _SHOWN_UNKNOWN} more keys are not names of settings and do nothing"
        yield Finding(where="chains-config", message=told)


# What to make of a definition that no policy matches; None where definitions are not judged.
_VERDICTS: Mapping[str, Literal["ignore", "warn", "fail"]] = {"ignore": "ignore", "warn": "warn", "fail": "fail"}


def _config(values: Mapping[str, Value | None]) -> Config:
    """The typed whole; each value was made by the reader of its row in SETTINGS."""
    return Config(
        taskrun=_artifact(values, "taskrun"),
        pipelinerun=_artifact(values, "pipelinerun"),
        oci=_artifact(values, "oci"),
        deep_inspection=values["artifacts.pipelinerun.enable-deep-inspection"] is True,
        builder_id=str(values["builder.id"]),
        build_type=str(values["builddefinition.buildtype"]),
        transparency=_transparency(values),
        timestamps=Timestamps(url=str(values["timestamps.url"]), chain_path=str(values["timestamps.chain-path"])),
        profile="strict" if values["profile"] == "strict" else "chains",
        metadata="chains" if values["provenance.metadata"] == "chains" else "stable",
        keys_by_namespace=tuple(_pair(line) for line in _words(values["keys.by-namespace"])),
        managed_by=_words(values["filter.managed-by"]),
        failed_after_s=int(str(values["retries.failed-after"])),
        verdicts=_VERDICTS.get(str(values["trusted-resources.verdicts"])),
        storage=_members(values, "storage"),
        signers=_members(values, "signers"),
    )


def _transparency(values: Mapping[str, Value | None]) -> Transparency:
    found = {name.removeprefix("transparency."): str(text) for name, text in values.items() if name.startswith("transparency.")}
    return Transparency(
        enabled=found["enabled"] != "false",
        manual=found["enabled"] == "manual",
        url=found["url"],
        version=found["version"],
        entries=_ENTRIES[found["entries"]],
        best_effort=found["on-failure"] == "best-effort",
        public_key=found["public-key"],
        public_key_path=found["public-key-path"],
        origin=found["origin"],
    )


def _artifact(values: Mapping[str, Value | None], sort: str) -> ArtifactConfig:
    return ArtifactConfig(
        format=str(values[f"artifacts.{sort}.format"]),
        storage=_words(values[f"artifacts.{sort}.storage"]),
        signer=str(values[f"artifacts.{sort}.signer"]),
    )


def _words(found: Value | None) -> tuple[str, ...]:
    return found if isinstance(found, tuple) else ()


def _pair(line: str) -> tuple[str, str]:
    namespace, _, key = line.partition(" ")
    return namespace, key


def _members(values: Mapping[str, Value | None], room: str) -> Mapping[str, Settings]:
    """`storage.oci.repository.insecure` -> {"oci": {"repository.insecure": ...}}."""
    found: dict[str, dict[str, str | bool | Secret]] = {}
    for setting in SETTINGS:
        first, _, rest = setting.name.partition(".")
        if first == room:
            member, _, name = rest.partition(".")
            settings = found.setdefault(member, {})
            member_value = values[setting.name]
            if isinstance(member_value, str | bool | Secret) and (member_value != "" or setting.default):
                settings[name] = member_value
    return MappingProxyType({member: MappingProxyType(settings) for member, settings in found.items()})
