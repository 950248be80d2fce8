"""From a recipe, a data set and a protocol to a `Result`; metrics, intervals, tests, calibration, cost, executors."""
