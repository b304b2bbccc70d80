"""Classifiers: ResNet-50 and the five it is compared with, behind one interface."""
