"""Cross-validation: points held out, layers chosen and models fitted without them, and their test.

The assessment of a survey and the comparison of models both go this way, and there is no other
beside it.
"""
