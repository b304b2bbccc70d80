"""What a survey will cost: work, memory, time and money, planned before it runs.

`work` counts what there is to do and `traffic` the bytes of it, `constants` says what a unit takes,
`plan` puts them together and `actual` holds them against the ledger. `calibrate` measures the
constants here; `guard` refuses what cannot fit and stops a run before it overspends.
"""
