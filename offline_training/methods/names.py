"""Name the methods that can be compared, in the order of the tables."""

from enum import StrEnum


class MethodName(StrEnum):
    """NER and its variants, other latents, and direct decoders."""

    NER = "ner"
    NER_FREE = "ner-free"
    NER_UNIT = "ner-unit"
    NER_PAPER = "ner-paper"
    CEBRA_3 = "cebra-3"
    CEBRA_16 = "cebra-16"
    PI_VAE = "pi-vae"
    PCA = "pca"
    LDA = "lda"
    DPCA = "dpca"
    UMAP = "umap"
    WIENER = "wiener"
    KALMAN = "kalman"
    GRU = "gru"
