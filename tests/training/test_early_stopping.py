"""The rule of the original, kept beside ours as it was written."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from retread.project.settings import EarlyStoppingSection
from retread.training.early_stopping import Progress, observe

Epochs = list[tuple[float, float]]

epochs = st.lists(
    st.tuples(st.floats(0, 3).map(lambda v: round(v, 1)), st.sampled_from([0, 0.25, 0.5, 0.75, 1])),
    min_size=1,
    max_size=30,
)
rules = st.builds(
    EarlyStoppingSection,
    rule=st.sampled_from(["seed", "patience"]),
    patience=st.integers(1, 5),
    delta=st.sampled_from([0.0, 0.1, 0.3]),
    min_loss=st.sampled_from([0.0, 0.5, 1.0]),
    min_accuracy=st.sampled_from([0.0, 0.5, 0.75]),
)


class Original:
    """The class of the tire document, line by line."""

    def __init__(self, rule: EarlyStoppingSection) -> None:
        self.min_loss, self.min_acc = rule.min_loss, rule.min_accuracy
        self.delta, self.patience = rule.delta, rule.patience
        self.best_loss: float | None = None
        self.best_acc: float | None = None
        self.counter = 0
        self.early_stop = False
        self.model_log_triggered = False

    def __call__(self, current_loss: float, current_acc: float) -> None:
        if current_loss <= self.min_loss and current_acc >= self.min_acc:
            self.early_stop = True
            self.model_log_triggered = True
            return
        if self.best_loss is None or self.best_acc is None:
            self.best_loss = current_loss
            self.best_acc = current_acc
        elif (
            current_loss > self.best_loss - self.delta and current_acc < self.best_acc + self.delta
        ):
            self.counter += 1
            if self.counter >= self.patience:
                self.early_stop = True
        else:
            self.best_loss = current_loss
            self.best_acc = current_acc
            self.counter = 0


def watch(rule: EarlyStoppingSection, seen: Epochs) -> Progress:
    progress = Progress()
    for loss, accuracy in seen:
        progress = observe(progress, rule, loss, accuracy)
        if progress.stop:
            break
    return progress


@given(rules, epochs)
def test_rule_seed_is_the_original(rule: EarlyStoppingSection, seen: Epochs) -> None:
    rule = rule.model_copy(update={"rule": "seed"})
    original = Original(rule)
    last = 0
    for loss, accuracy in seen:
        original(loss, accuracy)
        last += 1
        if original.early_stop:
            break
    ours = watch(rule, seen)
    assert (ours.stop, ours.epoch, ours.met) == (
        original.early_stop,
        last,
        original.model_log_triggered,
    )


@given(rules, epochs)
def test_the_default_is_the_original_without_its_first_line(
    rule: EarlyStoppingSection, seen: Epochs
) -> None:
    rule = rule.model_copy(update={"rule": "patience"})
    never = rule.model_copy(update={"rule": "seed", "min_loss": 0.0, "min_accuracy": 1.0})
    seen = [(loss + 0.1, accuracy) for loss, accuracy in seen]
    ours, original = watch(rule, seen), watch(never, seen)
    assert (ours.stop, ours.epoch, ours.counter) == (
        original.stop,
        original.epoch,
        original.counter,
    )


@given(rules, epochs)
def test_the_best_epoch_is_kept(rule: EarlyStoppingSection, seen: Epochs) -> None:
    progress = watch(rule, seen)
    seen = seen[: progress.epoch]
    good = [e for e in seen if e[0] <= rule.min_loss and e[1] >= rule.min_accuracy]
    kept = seen[progress.kept - 1]
    assert progress.met == bool(good)
    assert kept == min(good or seen, key=lambda epoch: (epoch[0], -epoch[1]))
    assert (progress.kept_loss, progress.kept_accuracy) == kept


def test_a_loss_that_is_no_number_is_never_kept() -> None:
    progress = watch(EarlyStoppingSection(), [(0.9, 0.5), (math.nan, 1.0), (0.8, 0.5)])
    assert progress.kept == 3
    assert not progress.met
