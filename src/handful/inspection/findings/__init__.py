"""What is doubtful in the data. Each file: `find(facts) -> tuple[Finding, ...]`, one kind of finding."""
