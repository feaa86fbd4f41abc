# SPDX-License-Identifier: Apache-2.0
"""Which candidates are tried next: Optuna's multi-objective tree-structured Parzen estimator, the same for a seed."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping, Sequence

from espdl.tune import extras

# So often in a row a batch may be offered what it has already.
_PATIENCE = 20


class Sampler:
    """Asked for batches and told what came of them, always in the same order: how many work on a batch changes nothing.

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

    def tell(self, params: Mapping[str, str], values: Sequence[float] | None, excess: Mapping[str, float]) -> None:
        """What came of params; None where they cannot work. `excess`: how far beyond each limit they are, above 0 if
        so.
        """
        self._study.enqueue_trial(dict(params))
        trial = self._study.ask(self._distributions)
        for name, value in excess.items():
            trial.set_constraint(name, value)
        if values is None:
            self._study.tell(trial, state=self._failed)
        else:
            self._study.tell(trial, list(values))

    def batch(self, count: int, is_new: Callable[[Mapping[str, str]], bool]) -> list[dict[str, str]]:
        """Up to `count` params for which `is_new` says so once; fewer where there seem to be no more."""
        found: list[dict[str, str]] = []
        asked = []
        misses = 0
        while len(found) < count and misses < _PATIENCE:
            trial = self._study.ask(self._distributions)
            asked.append(trial)
            params = self._varied(dict(trial.params), misses)
            if is_new(params):
                found.append(params)
                misses = 0
            else:
                misses += 1
        for trial in asked:  # what is done is told by its params, of whoever proposed them
            self._study.tell(trial, state=self._failed)
        return found

    def _varied(self, params: dict[str, str], misses: int) -> dict[str, str]:
        """Where the sampler proposes what is known, one more dimension with every miss at random."""
        for name in self._random.sample(list(params), min(misses, len(params))):
            params[name] = self._random.choice(self._dimensions[name])
        return params
