"""HTTP in: small handlers that parse, check, commit and answer."""
