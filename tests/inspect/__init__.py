# ruff: noqa: A005  the tests of handful.inspect, and no top-level module
