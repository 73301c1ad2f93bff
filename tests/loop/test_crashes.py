"""A workflow that is killed before or after any step ends like one that is not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.loop.fake_system import FakeSystem, MakeSteps, MakeSystem
from tests.loop.in_memory_steps import InMemorySteps, Killed

from retread.bundle import CauseKind
from retread.loop.canary_rollout import CanaryRollout
from retread.loop.workflow import retrain
from retread.registry.events import CanaryStarted, TrafficPosition
from retread.serving.traffic import Cursor

STORED = Path(__file__).with_name("stored_workflow.json")

BEFORE_THE_CANARY = [
    "wait for labels",
    "collect",
    "plan",
    "train",
    "register",
    "gate",
    "stage",
    "open canary",
    "judge canary 1",
]
PROMOTED = [
    *BEFORE_THE_CANARY,
    "widen canary 1",
    "judge canary 2",
    "widen canary 2",
    "judge canary 3",
    "canary passed",
    "promote",
    "finish",
]
ROLLED_BACK = [*BEFORE_THE_CANARY, "give back", "finish"]

Kills = set[tuple[str, bool]]

kills = st.sets(st.tuples(st.sampled_from(sorted({*PROMOTED, *ROLLED_BACK})), st.booleans()))


def run(system: FakeSystem, make_steps: MakeSteps, worse: float, kills: Kills) -> InMemorySteps:
    """Retrain a first model, then for drift with a canary that is `worse`, and kill that one."""
    retrain(system.request(), system.ports, make_steps())
    system.data.labels = 60
    system.canary.worse = worse
    trigger = system.request(CauseKind.DRIFT)
    steps = make_steps()
    for step, is_after in kills:
        if is_after:
            steps.kill_after(step)
        else:
            steps.kill_before(step)
    while True:
        steps.restart()
        try:
            retrain(trigger, system.ports, steps)
        except Killed:
            continue
        return steps


@pytest.mark.parametrize(("worse", "names"), [(0.0, PROMOTED), (0.5, ROLLED_BACK)])
def test_steps_keep_their_names(
    system: FakeSystem, make_steps: MakeSteps, worse: float, names: list[str]
) -> None:
    """They are stored: a workflow that was open when Retread was upgraded continues by them."""
    assert run(system, make_steps, worse, set()).names == names


def test_an_open_workflow_of_an_earlier_version_continues(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    """Its checkpoints were written before fields and classes were renamed (commit 600437c)."""
    retrain(system.request(), system.ports, make_steps())
    trigger, steps = system.request(), make_steps()
    steps.kill_before("judge canary 2")
    with pytest.raises(Killed):
        retrain(trigger, system.ports, steps)
    stored: list[tuple[str, object]] = msgspec.json.decode(STORED.read_bytes())
    assert [name for name, _ in stored] == steps.names
    steps.results = [(name, msgspec.json.encode(result)) for name, result in stored]
    starts = system.training.starts
    steps.restart()

    assert retrain(trigger, system.ports, steps).outcome == "promoted"
    assert (system.state.production, system.training.starts) == (2, starts)


@pytest.mark.slow
@pytest.mark.parametrize("worse", [0.0, 0.5])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(kills=kills)
def test_any_kills_lead_to_the_same_end(
    make_system: MakeSystem, make_steps: MakeSteps, worse: float, kills: Kills
) -> None:
    calm, killed = make_system(), make_system()
    run(calm, make_steps, worse, set())
    run(killed, make_steps, worse, kills)
    assert killed.end_state() == calm.end_state()


@pytest.mark.parametrize("worse", [0.0, 0.5])
def test_a_kill_after_every_effect_leads_to_the_same_end(
    make_system: MakeSystem, make_steps: MakeSteps, worse: float
) -> None:
    """The worst moment: the effect is there and its checkpoint is not."""
    calm, killed = make_system(), make_system()
    names = run(calm, make_steps, worse, set()).names
    run(killed, make_steps, worse, {(name, True) for name in names})
    assert killed.end_state() == calm.end_state()


def test_u01_evidence_of_a_canary_begins_where_the_ledger_says(
    system: FakeSystem, make_steps: MakeSteps
) -> None:
    """Killed between its start and the checkpoint, a canary loses none of its traffic."""
    retrain(system.request(), system.ports, make_steps())
    trigger, steps = system.request(), make_steps()
    steps.kill_after("open canary")
    with pytest.raises(Killed):
        retrain(trigger, system.ports, steps)
    system.canary.traffic = 500  # what was recorded in the meantime
    steps.kill_before("judge canary 1")
    steps.restart()
    with pytest.raises(Killed):
        retrain(trigger, system.ports, steps)
    (started,) = system.events(CanaryStarted)
    assert started.traffic == TrafficPosition("segment", 1)
    checkpoint = dict(steps.results)["open canary"]
    assert isinstance(checkpoint, bytes)
    rollout = msgspec.json.decode(checkpoint, type=CanaryRollout)
    assert rollout.evidence.cursor == Cursor("segment", 1)
