"""A classifier of random weights, for models and bundles that were trained without one."""

from dataclasses import replace

import numpy as np

from rt_ner.bundle.bundle import Bundle
from rt_ner.bundle.entries.classifier_entry import classifier_entry
from rt_ner.decoding.readouts.classifier import Classifier, n_features
from rt_ner.decoding.specification import DecoderSpecification

CHOICES = ("rest", "left", "right")


def classifying(model: DecoderSpecification) -> DecoderSpecification:
    """Return the model with a classifier of a choice."""
    weights = np.random.default_rng(0).normal(size=(n_features(len(model.readout.matrix)), 3))
    return replace(model, classifier=Classifier(weights, np.zeros(3), CHOICES, "choice"))


def classifying_bundle(bundle: Bundle) -> Bundle:
    """Return the bundle with a classifier of a choice, in memory."""
    entry = classifier_entry(classifying(bundle.model).classifier)
    return replace(bundle, manifest=bundle.manifest.model_copy(update={"classifier": entry}))
