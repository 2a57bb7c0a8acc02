"""The ledger's guards, taken away one at a time: for each, a named test has to go red."""
