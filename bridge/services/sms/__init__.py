"""A message on its way to phones: sent, delivered, decided about."""
