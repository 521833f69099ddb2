"""How well a source suits the data, on a sample of the training split; nothing is trained."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lab.datasets import stratified
from lab.environment import environment
from lab.errors import BadInput, Unavailable
from lab.networks.features import computed
from lab.networks.load import open_net
from lab.networks.net import to_numpy
from lab.probes.transferability import h_score, leep, logme, nce, probe
from lab.runs.kept import Kept
from lab.runs.setup import inputs_of, open_trainer
from lab.runs.spec import Resolved
from lab.task import kind


def rank(resolved: Resolved, order: dict, tell: Callable[[dict], None], kept: Kept | None = None) -> dict[str, Any]:
    """Scores how well the source suits the data, on a sample of the training split; trains nothing."""
    began, cpu = time.perf_counter(), time.process_time()
    trainer = open_trainer(resolved, Path(order["root"]), tell, kept=kept)
    tell({"event": "note", "text": "scoring"})
    seed = resolved.run.seed
    sample = sampled(trainer.data.train, order["sample"], seed)
    features, labels = computed(sample, resolved.run.batch_size, trainer.cut), sample.labels
    if not np.isfinite(features).all():
        raise BadInput(f"{resolved.backbone} from {resolved.choices['weights']} gives features that are not finite")
    predicted, reason = predicted_by_source(resolved, trainer, sample)
    # the matrices are small: more threads mostly wait for each other, many times longer where cores have other work
    with threadpool_limits(1):
        scores = {"logme": logme(features, labels), "h_score": h_score(features, labels)}
        scores["probe"] = probe(features, labels, seed)
    if predicted is not None:
        scores |= {"leep": leep(predicted, labels), "nce": nce(predicted.argmax(axis=1), labels)}
    return {
        "scores": scores,
        "no_classifier": reason,
        "features": features.shape[1],
        "sample": {"examples": len(sample), "classes": len(np.unique(labels)), "digest": sample.digest},
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu,
        "environment": environment(),
    }


def sampled(train, count: int, seed: int):
    """About `count` examples of a split, of all classes in their proportions.

    Raises:
        BadInput: there are too few to score anything by.
    """
    share = min(1.0, count / len(train))
    sample = train.take(stratified(train.labels, (share, 1 - share), seed)[0])
    each = np.unique(sample.labels, return_counts=True)[1]
    if len(each) < 2 or each.max() < 2:
        raise BadInput(
            f"--sample {count} gives {len(sample)} examples of {len(each)} classes; scores take two classes, and two "
            f"examples of one of them: take a larger sample of the {len(train):,} training examples"
        )
    return sample


def predicted_by_source(resolved: Resolved, trainer, sample) -> tuple[Any, str | None]:
    """(probabilities (N, Z) of the source's own classes, None), or (None, why it has no classifier)."""
    if resolved.source is None:
        return None, "random weights have no classifier"
    if kind(resolved.source.meta.get("choices", {}).get("task", "classification")).reads == "pyramid":
        return None, f"{resolved.source.label} labels pixels, not images"
    shape, outputs, inputs = trainer.net.shape, trainer.net.outputs, inputs_of(resolved, trainer.data)
    try:
        net = open_net(
            resolved.backbone, shape, resolved.head, outputs, resolved.source, True, resolved.run.contrast, **inputs
        )
    except (BadInput, Unavailable) as error:
        return None, str(error)
    logits = computed(sample, resolved.run.batch_size, lambda x: to_numpy(net.model.predict_on_batch(net.sized(x))))
    return trainer.task.answered(logits), None
