"""Configurations: each is checked field by field, and committed records are found under the keys they have today."""

import contextlib
import dataclasses
import json
import types
from collections import Counter
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from fabric.experiments import batchless, growing, searching, timing, training  # noqa: F401  # define configurations
from fabric.experiments.batchless import FixedPointConfig
from fabric.experiments.machines import freezing, junctions, on_chip, synthesis, torus  # noqa: F401
from fabric.experiments.networks import Layer
from fabric.experiments.runs import (
    Checked,
    Natural,
    Positive,
    PositiveFloat,
    RunConfig,
    Share,
    one_of,
    record_of,
    run_key,
)
from fabric.experiments.statements import committed_runs
from fabric.experiments.studies import (  # noqa: F401
    accuracy_vs_density,
    codesign,
    conversion,
    federated,
    heuristics,
    inverse_plasticity,
    perceptrons,
    pruning,
    rates,
    recurrent,
    speed,
    transformer,
)
from fabric.hardware import FixedPoint


def kinds_of(base: type[RunConfig]) -> list[type[RunConfig]]:
    return [kind for direct in base.__subclasses__() for kind in (direct, *kinds_of(direct))]


KINDS = [kind for kind in kinds_of(RunConfig) if kind.__module__.startswith("fabric.")]


def rebuilt(content: Any, hint: Any) -> Any:
    """The value of a field from the JSON of a record.

    Raises:
        KeyError: it is another kind of dataclass.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return rebuilt(content, arguments[0])
    if origin in (Union, types.UnionType):
        fitting = [kind for kind in arguments if dataclasses.is_dataclass(kind) and names(kind) == set(content or {})]
        return rebuilt(content, fitting[0]) if fitting else as_tuple(content)
    if hint is int and isinstance(content, float) and content.is_integer():
        return int(content)  # whole numbers beside the nan of others in the same sweep
    if origin is tuple:
        items = arguments[:1] * len(content) if arguments[-1] is Ellipsis else arguments
        return tuple(map(rebuilt, content, items))
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        return hint(**{name: rebuilt(content[name], hints[name]) for name in names(hint)})
    return as_tuple(content)


def as_tuple(content: Any) -> Any:
    return tuple(map(as_tuple, content)) if isinstance(content, list) else content


def names(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def kind_of(record: dict) -> type[RunConfig] | None:
    """The configuration that, made again from the record, has the record's key."""
    given = {name for name, content in record.items() if content == content}  # nan: of others in the same sweep
    for kind in KINDS:
        if names(kind) <= given:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # fields of one name that hold something else
                if run_key(rebuilt(record, kind)) == record["key"]:
                    return kind
    return None


def test_committed_records_are_found_under_their_keys():
    """What a run is known by, class and field names included, is what it was when the records were made."""
    found = Counter(
        kind_of(record) for path in committed_runs() for record in map(json.loads, path.read_text().splitlines())
    )
    assert None not in found
    assert set(found) == set(KINDS)


def test_every_configuration_is_frozen_documented_and_says_its_recipe():
    assert len(KINDS) == 62
    for kind in KINDS:
        assert kind.__dataclass_params__.frozen
        assert isinstance(kind.recipe, int)
        assert kind.__doc__ and not kind.__doc__.startswith(f"{kind.__name__}(")  # not the one that dataclasses make


@dataclasses.dataclass(frozen=True)
class Inner(Checked):
    size: Positive


@dataclasses.dataclass(frozen=True)
class Example(RunConfig):
    recipe: ClassVar[int] = 1

    count: Positive = 1
    start: Natural = 0
    rate: PositiveFloat = 0.5
    share: Share = 0.5
    method: Annotated[str, one_of("this", "that")] = "this"
    sizes: tuple[Positive, ...] = (1, 2)
    pair: tuple[int, str] = (1, "a")
    inner: Inner | None = None
    exact: bool = True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 0}, "count must be a positive integer, got 0"),
        ({"count": True}, "count must be a positive integer, got True"),
        ({"count": 2.0}, "count must be a positive integer, got 2.0"),
        ({"count": np.int64(3)}, r"count must be a positive integer, got (np.int64\()?3"),
        ({"start": -1}, "start must be an integer from 0, got -1"),
        ({"rate": 1}, "rate must be a positive float, got 1"),
        ({"rate": float("nan")}, "rate must be a positive float, got nan"),
        ({"rate": float("inf")}, "rate must be a positive float, got inf"),
        ({"share": 1.5}, "share must be a float above 0 and at most 1, got 1.5"),
        ({"method": "other"}, "method must be one of this, that, got 'other'"),
        ({"method": ["this"]}, r"method must be one of this, that, got \['this'\]"),
        ({"sizes": [1, 2]}, r"sizes must be a tuple in which each item is a positive integer, got \[1, 2\]"),
        ({"sizes": (1, 0)}, r"sizes must be a tuple in which each item is a positive integer, got \(1, 0\)"),
        ({"pair": (1, "a", 2)}, r"pair must be a tuple \(an integer, a string\), got \(1, 'a', 2\)"),
        ({"inner": {"size": 1}}, r"inner must be a Inner or None, got \{'size': 1\}"),
        ({"exact": 1}, "exact must be True or False, got 1"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_what_would_be_right(change, message):
    with pytest.raises(ValueError, match=message):
        Example(**change)


def test_a_field_that_is_a_dataclass_checks_its_own_fields():
    assert Example(inner=Inner(2)).inner == Inner(2)
    with pytest.raises(ValueError, match="size must be a positive integer, got 'a'"):
        Example(inner=Inner("a"))


def test_only_configurations_have_keys():
    with pytest.raises(ValueError, match=r"config must be a RunConfig, got .*seed"):
        run_key({"seed": 0})


def test_a_record_is_configuration_key_and_what_is_measured():
    config = Example(inner=Inner(2))
    record = record_of(lambda config: {"accuracy": 0.5}, config)
    assert record == {**dataclasses.asdict(config), "key": run_key(config), "accuracy": 0.5}


@pytest.mark.parametrize("name", ["count", "key", "digest"])
def test_a_measurement_never_takes_the_place_of_what_was_asked(name):
    with pytest.raises(ValueError, match=f"measures must have names of its own, got {name}"):
        record_of(lambda config: {name: 0.5}, Example())


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedPointConfig("digits", (), FixedPoint(), (0,), (4,), 0),
        lambda: FixedPointConfig("digits", ((4, 4, 2),), FixedPoint(), (0,), (4,), 0),
        lambda: FixedPointConfig("digits", ((4, 4),), (9, 9, 5, 8, 7, 8), (0,), (4,), 0),
        lambda: FixedPointConfig("digits", ((4, 4),), FixedPoint(), (0,), (4,), 0, mode="banana"),
        lambda: FixedPointConfig("imagenet", ((4, 4),), FixedPoint(), (0,), (4,), 0),
        lambda: batchless.PytorchConfig(batchless.Float32Config("digits", ((4, 4),), (4,), 0), (2, 1)),
        lambda: junctions.Lessons("digits", 10, 1, ((5, 3),), (12, 12, 8, 8, 8, 8), 0),
        lambda: growing.GrowingConfig("digits", (8, 8, 4, 4), (growing.Phase(4, 1), growing.Phase(2, 1)), 8, 0.1, 0),
        lambda: growing.GrowingConfig("digits", (8, 8, 4, 4), (growing.Phase(4, 1, (4,)),), 8, 0.1, 0),
        lambda: growing.GrowingConfig("digits", (8, 8, 4, 4), (), 8, 0.1, 0),
        lambda: growing.Phase(4, 1, frozen_stages=4),
        lambda: inverse_plasticity.FrozenLogicConfig(9, (3,), 8, None, 0, ""),
        lambda: inverse_plasticity.FrozenLogicConfig(13, (1,), 8, None, 0, ""),
        lambda: inverse_plasticity.FrozenElementConfig(
            "words", 2, training.TrainConfig("digits", (Layer("dense", (784, 10)),), 1, 8, 0.1, 0), 4, 0, ""
        ),
        lambda: growing.MaskedGrowthConfig("digits", 8, ((9, 1), (8, 1)), "random", 8, 0.1, 0),
        lambda: codesign.LessonConfig("digits", 8, "clos", 9, (4,), 0, 8),
        lambda: federated.FederatedConfig("digits", (), 4, "iid", 2, 8, 1, 0.1, 0),
        lambda: federated.FederatedConfig("digits", (Layer("dense", (784, 10)),), 4, "iid", 5, 8, 1, 0.1, 0),
        lambda: federated.FederatedConfig("digits", (Layer("dense", (784, 10)),), 4, "two", 2, 8, 1, 0.1, 0),
        lambda: perceptrons.PerceptronConfig("digits", "butterfly", 64, 64, 0.1, 1, 8, 0),
        lambda: synthesis.PlacementConfig("no variant", 4, 0, ""),
        lambda: torus.Campaign("no torus", 4, 0, ""),
        lambda: torus.LayerOnChip((4, 4), 1, ""),
        lambda: timing.StepTimesConfig((), 1, 1.0, "cpu"),
        lambda: speed.LayerTimesConfig((10, 16, 4, 4, 4), "float32", (1,), ("dense",), 1, 1.0),
    ],
)
def test_configurations_that_cannot_run_are_refused(make):
    fields = "cascades|fixed_point|mode|dataset|checks|rates|variant|torus|samples|subjects|phases|frozen_stages"
    fields += "|network|chosen|kind|structure|cascade|weights|bits|neurons"
    with pytest.raises(ValueError, match=rf"^({fields}) must be .*, got"):
        make()
