"""A trained model elsewhere: export, REST server, batch prediction, prediction to one table."""
