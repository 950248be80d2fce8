"""A look at the data before anything is trained on them.

`look` reads every file once into `Facts`; every other file with `find(facts) -> tuple[Finding, ...]` is one kind of
finding. Those with `measure(facts)` say how much the data can show.
"""
