"""How much the data can show. Each file: `measure(measurements)`, one measure."""
