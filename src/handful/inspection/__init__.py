"""Inspection of the data before anything is trained on them: what is doubtful, and how much the data can show.

`measure_images` reads every file once into `Measurements`. Each file of `findings` has `find(measurements)`, one kind
of finding; each of `measures` has `measure(measurements)`, one number or curve.
"""
