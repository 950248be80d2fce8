"""An exported model behind a REST API and a page: bounded in memory and time, refusing what is too much."""
