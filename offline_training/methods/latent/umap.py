"""Embed by UMAP, which keeps neighbourhoods of windows (McInnes, Healy & Melville 2018)."""

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.packages import optional_package
from offline_training.methods.preparation import fit_standardiser
from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset

_DIMS = 3


def _fit(train: Dataset, context: FitContext) -> Fitted:
    """Fit the authors' package with its defaults, unsupervised; one thread, so that seeds hold.

    Its own transform optimises all new hops at once, so that a hop's latents depend on later ones.
    Here a hop is mapped to the mean of its nearest training hops, from where that starts.
    """
    umap = optional_package("umap")
    standardise = fit_standardiser(train.windows)
    features = standardise.flat(train.windows)
    reducer = umap.UMAP(n_components=_DIMS, random_state=context.seed, n_jobs=1).fit(features)
    nearest = KNeighborsRegressor(reducer.n_neighbors).fit(features, reducer.embedding_)
    context.progress(1.0)

    def embed(dataset: Dataset) -> FloatArray:
        latents: FloatArray = nearest.predict(standardise.flat(dataset.windows)).astype(np.float64)
        return latents

    return embed


UMAP = Method("umap", _DIMS, _fit, needs="umap")
