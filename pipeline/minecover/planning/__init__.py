"""What a survey will cost: work, memory, time and money, planned before it runs.

`work` counts what there is to do and `traffic` the bytes of it, `constants` says what a unit takes,
`costs` and `memory` what that makes for a stage, `plan` puts them together and `actual` compares
them with the ledger. `scale` asks `simulation` how long many workers take. `calibrate` measures the
constants here, on the districts of `trial`; `guard` refuses what cannot fit and stops a run before
it overspends.
"""
