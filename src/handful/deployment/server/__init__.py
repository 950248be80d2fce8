"""A prediction server for an exported model: REST API and web page, with bounded memory and time."""
