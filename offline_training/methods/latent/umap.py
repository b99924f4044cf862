"""UMAP: latents that keep the windows' neighbourhoods (McInnes, Healy & Melville 2018)."""

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from offline_training.methods.method import FitContext, Fitted, Method
from offline_training.methods.packages import optional_package
from offline_training.methods.preparation import fit_standardiser
from rt_ner.core.arrays import FloatArray
from rt_ner.offline.dataset import Dataset

_DIMS = 3


def _fit(train: Dataset, context: FitContext) -> Fitted:
    """The authors' package with its defaults, unsupervised; one thread, or no seed would hold.

    Its own transform moves all new hops at once, so that a hop's latents depend on later ones.
    Here a hop goes to the mean of the training hops that are nearest to it, where that begins.
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
