"""Contrastive objectives: pure tensor operations on unit vectors."""

from compa.objectives.embeddings import Embeddings, Loss
from compa.objectives.hard_negative_nce import HardNegativeNCE
from compa.objectives.info_nce import InfoNCE
from compa.objectives.known_true import judge_pairs
from compa.objectives.modular_nce import ModularNCE
from compa.objectives.objective import Objective
from compa.objectives.temperature import Temperature

__all__ = [
    "Embeddings",
    "HardNegativeNCE",
    "InfoNCE",
    "Loss",
    "ModularNCE",
    "Objective",
    "Temperature",
    "judge_pairs",
]
