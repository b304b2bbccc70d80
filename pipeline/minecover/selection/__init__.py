"""Which features tell the classes apart: Relief-F, random forest, and both together."""
