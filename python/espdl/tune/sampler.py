# SPDX-License-Identifier: Apache-2.0
"""Which candidate is tried next: Optuna's multi-objective tree-structured Parzen estimator, the same for a seed."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from espdl.tune import extras

if TYPE_CHECKING:
    from optuna.trial import Trial

# So often in a row what is proposed may be known already.
_PATIENCE = 20


class Sampler:
    """Asked for candidates and told what came of them. It answers the same wherever it is asked and told in the same
    order; what began and has not ended counts as bad until then, so that proposals keep away from one another.

    `dimensions`: choices by name. `costs`: names of what is told behind the score, each better if smaller.
    """

    def __init__(self, dimensions: Mapping[str, Sequence[str]], costs: Sequence[str], seed: int):
        extras.need("tune", "optuna")
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self._dimensions = {name: tuple(choices) for name, choices in dimensions.items()}
        self._distributions: dict[str, optuna.distributions.BaseDistribution] = {
            name: optuna.distributions.CategoricalDistribution(choices) for name, choices in self._dimensions.items()
        }
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)
        direction = optuna.study.StudyDirection
        directions = [direction.MAXIMIZE, *[direction.MINIMIZE] * len(costs)]
        self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._random = random.Random(seed)
        self._failed = optuna.trial.TrialState.FAIL
        self._running: dict[tuple[str, ...], Trial] = {}

    def begin(self, params: Mapping[str, str]) -> None:
        """Says that params are tried, whoever proposed them."""
        self._study.enqueue_trial(dict(params))
        self._running[self._key(params)] = self._study.ask(self._distributions)

    def tell(self, params: Mapping[str, str], values: Sequence[float] | None, excess: Mapping[str, float]) -> None:
        """What came of params that began; None where they cannot work. `excess`: how far beyond each limit they are,
        above 0 if so.
        """
        trial = self._running.pop(self._key(params))
        for name, value in excess.items():
            trial.set_constraint(name, value)
        if values is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, list(values))

    def proposed(self, is_new: Callable[[Mapping[str, str]], bool]) -> dict[str, str] | None:
        """Params of which `is_new` says that they are; None where there seem to be no more."""
        asked: list[Trial] = []
        found = None
        while found is None and len(asked) < _PATIENCE:
            trial = self._study.ask(self._distributions)
            params = self._varied(dict(trial.params), len(asked))
            asked.append(trial)
            if is_new(params):
                found = params
        for trial in asked:  # `begin` says what is tried
            self._study.tell(trial, state=self._failed)
        return found

    def _varied(self, params: dict[str, str], misses: int) -> dict[str, str]:
        """Where the sampler proposes what is known, one more dimension with every miss at random."""
        for name in self._random.sample(list(params), min(misses, len(params))):
            params[name] = self._random.choice(self._dimensions[name])
        return params

    def _key(self, params: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(params[name] for name in self._dimensions)
