"""Classifiers: ResNet-50 and the five it is compared with, behind one interface."""

from minecover.models.base import Classifier
from minecover.models.data import TrainingData
from minecover.models.registry import load_classifier
from minecover.models.starting import model_settings
from minecover.models.training import History, train, window_of

__all__ = [
    "Classifier",
    "History",
    "TrainingData",
    "load_classifier",
    "model_settings",
    "train",
    "window_of",
]
