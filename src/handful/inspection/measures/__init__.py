"""How much the data can show. Each file: `measure(facts)`, one measure."""
